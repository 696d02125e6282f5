"""What a project has settled for every run, in its pyproject.toml or in a file of its own."""
