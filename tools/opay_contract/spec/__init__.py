"""Proves the hand-written contract sound: a table of checks, each from the contract to its faults."""
