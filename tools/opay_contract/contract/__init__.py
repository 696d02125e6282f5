"""The contract: its documents, read once, resolved locally, with the line of every statement."""
