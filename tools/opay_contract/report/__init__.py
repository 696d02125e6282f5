"""A run of `check` for those who read it, in every format."""

FORMATS = ("text", "json", "junit", "sarif", "github", "markdown", "html")
"""The names of the formats that a report is written as."""
