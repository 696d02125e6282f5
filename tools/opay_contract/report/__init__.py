"""A run of `check` for those who read it, in every format."""

TEXT, CONCISE, TICKET = "text", "concise", "ticket"
FORMATS = {
    TEXT: "text_report",
    CONCISE: "text_report",
    "json": "json_report",
    "junit": "junit_report",
    "sarif": "annotations",
    "github": "annotations",
    "markdown": "markdown_report",
    "html": "html_report",
    TICKET: "markdown_report",
}
"""The formats that a report is written as, each with its module, which has `render_` and the name."""
