"""Fixtures for tests of a client: the sandbox's stand-in, and the contract to hold answers against."""
