"""Replaces card and customer data in recordings by pseudonyms that keep what a check looks at."""
