"""Findings that are accepted, with reason and day: the file, its entries, and what holds."""
