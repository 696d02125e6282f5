"""How the fold is spread over the work; nothing else may know."""
