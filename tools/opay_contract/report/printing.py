"""Puts words that came from outside into a form that a terminal can take."""


def printable(text: str) -> str:
    """Return `text` with control characters as escapes: a file's name cannot drive a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
