"""Values whose form alone says what they are: UUIDs, dates and times, addresses of machines.

Each is replaced by one of the same form, so that a format in a schema still holds. The mark is in the value:
years from 9900 on, networks that are kept for documentation (RFC 5737, RFC 3849), and the check digits of
hexadecimal pseudonyms.
"""

import re
from datetime import date
from ipaddress import IPv6Address

from opay_contract.redact.pseudonyms import Pseudonyms, is_hex_pseudonym

_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}"
_DATE = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[Tt ]{_CLOCK})?"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_IPV6 = r"(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}"
FORM = rf"(?<![0-9A-Za-z.:-])(?:{_UUID}|{_DATE}|{_IPV4}|{_IPV6})(?![0-9A-Za-z:-]|\.[0-9])"
"""What may be such a value; `is_form` tells."""

CONSTANTS = ("09:09:09Z", "09:09:09", "P9D")
"""What stands for a time of the day and for a span, which have no room for a mark, where a schema asks."""

_NETWORK_4, _NETWORK_6 = "192.0.2.", "2001:db8:"
_MARK = "99"
_DATE_LENGTH = len("2026-05-01")


def is_form(text: str) -> bool:
    """Tell whether a text that looks like such a value is one."""
    if text.count("-") == 4:  # noqa: PLR2004  a UUID
        return True
    try:
        if ":" in text and "-" not in text[:_DATE_LENGTH]:
            IPv6Address(text)
        elif "-" in text:
            date.fromisoformat(text[:_DATE_LENGTH])
    except ValueError:
        return False
    return True


def is_pseudonym(text: str) -> bool:
    """Tell whether such a value is one that was made here."""
    if text.count("-") == 4:  # noqa: PLR2004  a UUID
        return is_hex_pseudonym(text.replace("-", ""))
    if "-" in text[:_DATE_LENGTH]:
        return text.startswith(_MARK)
    return text.startswith((_NETWORK_4, _NETWORK_6))


def replace_form(pseudonyms: Pseudonyms, text: str, salt: int) -> str:
    """Return another value of the same form."""
    if text.count("-") == 4:  # noqa: PLR2004  a UUID
        return _uuid(pseudonyms, text, salt)
    if "-" in text[:_DATE_LENGTH]:
        return _moment(pseudonyms, text, salt)
    drawn = pseudonyms.numbers(text, 6, salt=salt)
    if ":" in text:
        return _NETWORK_6 + ":".join(f"{number:x}" for number in drawn)
    return f"{_NETWORK_4}{drawn[0] % 254 + 1}"


def _uuid(pseudonyms: Pseudonyms, text: str, salt: int) -> str:
    """Return a UUID of the same version and variant."""
    digits = text.replace("-", "")
    made = pseudonyms.hexes(digits, salt=salt, kept=(12, 16))
    return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))


def _moment(pseudonyms: Pseudonyms, text: str, salt: int) -> str:
    """Return a date, and a time of the day with the same precision and offset, where there is one."""
    year, month, day, hour, minute, second = pseudonyms.numbers(text, 6, salt=salt)
    made = f"{_MARK}{year % 100:02}-{month % 12 + 1:02}-{day % 28 + 1:02}"
    if len(text) == _DATE_LENGTH:
        return made
    rest = text[_DATE_LENGTH + 9 :]
    digits = re.match(r"\.[0-9]+", rest)
    shown = "." + "9" * (len(digits[0]) - 1) if digits else ""
    clock = f"{hour % 24:02}:{minute % 60:02}:{second % 60:02}"
    return made + text[_DATE_LENGTH] + clock + shown + rest[len(shown) :]
