"""Stands in for the sandbox: verifies signatures, answers as the contract says, on demand misbehaves."""
