"""What a tool said about an exchange, and whether that names the place where the drift is."""

import re
from dataclasses import dataclass, field

from opay_contract.model.finding import Area, Kind, Rule

_OF_ANSWER = (Area.BODY, Area.ENVELOPE, Area.ENCODING)
_INDEX = re.compile(r"/[0-9]+(?=/|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One remark on an exchange: a JSON pointer into a body, as far as the tool gives one, and its words."""

    exchange: int
    place: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a tool said in one run, all that it printed, and how long its process worked."""

    said: list[Said] = field(default_factory=list)
    printed: str = ""
    seconds: float = 0.0


def names_place(rule: Rule, pointer: str, said: Said) -> bool:
    """Return whether a remark is about the place of a finding, in the reader's favour.

    Only a place in the answer can be missed: the remark has it, or that of the object around it with the
    member's name in its words; where the member is not documented, that object is enough.
    """
    if rule.area not in _OF_ANSWER or not pointer.startswith("/"):
        return True
    place = _INDEX.sub("/*", said.place)
    parent, _, name = pointer.rpartition("/")
    return place == pointer or (place == parent and (rule.kind is Kind.UNDOCUMENTED or name in said.words))
