"""Turns a summary into text, one module a format."""
