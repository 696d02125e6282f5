"""Times at which exchanges were recorded: as UTC text that orders, as days, and spans of time."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import msgspec

from opay_contract.model.observation import UNDATED

_DATE, _MICROSECONDS = len("2026-05-01"), len("2026-05-01T10:00:00.000000")


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time: `since` belongs to it, `until` does not; UTC text as `utc_of` writes it, or None."""

    since: str | None = None
    until: str | None = None

    def holds(self, moment: str | None) -> bool:
        """Return whether RFC 3339 text is a time in the window; what is none, is not."""
        utc = utc_of(moment)
        return utc is not None and (self.since or "") <= utc and (self.until is None or utc < self.until)


def utc_of(moment: str | None) -> str | None:
    """Return RFC 3339 text as UTC text of one length, which orders as times do; None where it is none."""
    try:
        found = datetime.fromisoformat((moment or "").upper())
        utc = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return f"{utc.isoformat(timespec='microseconds')[:_MICROSECONDS]}Z"


def moment_after(text: str) -> str | None:
    """Return the least UTC text after a date or a time, given as RFC 3339 has them; None where it is none."""
    utc = utc_of(text)
    if utc is None:
        return None
    step = timedelta(days=1) if len(text) == _DATE else timedelta(microseconds=1)
    try:
        return utc_of((datetime.fromisoformat(utc) + step).isoformat())
    except OverflowError:
        return None


def day_of(moment: str | None) -> str:
    """Return the UTC day of RFC 3339 text, or `UNDATED`."""
    if moment is None:
        return UNDATED
    if moment.endswith(("Z", "z", "+00:00")):
        return _day(moment[:_DATE])
    utc = utc_of(moment)
    return utc[:_DATE] if utc else UNDATED


@lru_cache(maxsize=4096)
def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return UNDATED
