"""Signs request bodies, and verifies signatures, as the contract's `x-signature` says."""
