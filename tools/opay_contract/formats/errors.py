"""How a reader says that it must give up: on one entry, or on the rest of the file.

Neither leaves this package by way of `iter_exchanges`, where both become `Unreadable`. A reason never
quotes what was recorded and never forwards a library's message, for either may hold card data.
"""

import os

NO_URL = "the URL of the request was not found, so that nothing tells whose answer it is"
NO_RESPONSE = "the request got no response (it was blocked, was cancelled or failed)"
NO_ENTRIES = "the file has no list of exchanges where its format has one"
TOO_LONG = "the entry is longer than 64 MiB"
TOO_DEEP = "the entry is nested too deep"
TRUNCATED_BODY = "the response body was cut off by the recorder; record it whole"


class EntryError(Exception):
    """One entry cannot be read; the entries after it can."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, which says what is wrong and what to do."""
        super().__init__(reason)
        self.reason = reason


class StreamError(Exception):
    """Nothing more can be read from this file."""

    def __init__(self, reason: str) -> None:
        """Keep the reason, which says what is wrong and what to do."""
        super().__init__(reason)
        self.reason = reason


class NoRecordingError(StreamError):
    """The file is no recording at all; among the files of a folder that is no fault."""


def describe_os_error(error: OSError | ValueError) -> str:
    """Return the operating system's own words for `error`, without the path."""
    number = error.errno if isinstance(error, OSError) else None
    return f"cannot be read: {os.strerror(number).lower() if number else 'not a path'}"
