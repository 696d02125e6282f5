"""Readers of recorded traffic: each streams a file as exchanges and as entries that are unreadable."""
