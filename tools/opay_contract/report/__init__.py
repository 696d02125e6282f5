"""A run of `check` for those who read it, in every format."""

TEXT, CONCISE, TICKET = "text", "concise", "ticket"
FORMATS = (TEXT, CONCISE, "json", "junit", "sarif", "github", "markdown", "html", TICKET)
"""The names of the formats that a report is written as."""
