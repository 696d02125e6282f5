"""Proposes changes of the contract from what a run found and observed."""
