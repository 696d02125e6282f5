"""Words that everything printed is made of: counts with their noun, and texts that a terminal can take."""


def printable(text: str) -> str:
    """Return `text` with control characters as escapes: a file's name cannot drive a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def on_one_line(text: str) -> str:
    """Return what a person wrote without its line breaks, in a form that a terminal can take."""
    return printable(" ".join(text.split()))


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
