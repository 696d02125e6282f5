"""What has changed: where, how bad for whom, where it is used in exchanges, and what recordings say of it."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from opay_contract.contract.addresses import Address, split_uri
from opay_contract.contract.change_kinds import DiffKind, Level, Side, Way
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import REQUEST_BODY, RESPONSE_BODY, schemas_of_scope
from opay_contract.contract.loading import build_contract
from opay_contract.diff.versions import FIRST, Version
from opay_contract.drift.insight import parent_of, share_of
from opay_contract.errors import ContractError
from opay_contract.model.finding import ContractPlace, Key, Outcome, Share, fingerprint
from opay_contract.model.observation import FieldLocation, Observations, Range, widest

_Places = dict[Address, list[FieldLocation]]
_OF_VALUES = ("value-removed", "value-added", "code-added", "code-removed", "status-added", "status-removed",
              "success-removed", "code-messages-changed", "code-meaning-changed")  # fmt: skip
_OF_EXCHANGES = ("operation-removed", "operation-added", "operation-renamed", "form-removed", "form-added")
_OF_RANGES = ("limit-tightened", "limit-loosened")
_OF_TYPES = ("type-narrowed", "type-widened", "type-changed")
_WHOLE = (REQUEST_BODY, RESPONSE_BODY, "/request", "/response", "/request/headers", "/response/headers")
_UNSEEN = ("words-changed", "examples-changed", "extension-changed")


class Use(NamedTuple):
    """Where something is used: an operation, its form, a status or outcome, a pointer into an exchange."""

    operation: str
    form: str
    outcome: str
    pointer: str
    way: Way


WHOLE = Use("", "", "", "", Way.REQUEST)
"""The contract as a whole."""


class ContractChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change: where it stands in both versions, in words, how bad it is for each side, and its uses.

    `key` is made of what does not depend on the words; `statements` are the addresses in both versions.
    """

    kind: DiffKind
    old: ContractPlace | None
    new: ContractPlace | None
    was: str
    now: str
    levels: dict[Side, Level]
    uses: tuple[Use, ...]
    key: Key
    statements: tuple[Address | None, Address | None]
    value: str = ""

    @property
    def fingerprint(self) -> str:
        """Names the change for good, as those of findings do."""
        return fingerprint(self.key)

    @property
    def place(self) -> ContractPlace | None:
        """Where to look: in the new version, or else in the old."""
        return self.new or self.old


class ContractDiff(msgspec.Struct, frozen=True, kw_only=True):
    """The changes between two versions of a contract, the worst for clients first.

    `operations` is how many were compared, those of either version alone among them.
    """

    old: Version
    new: Version
    changes: tuple[ContractChange, ...]
    operations: int

    @property
    def notes(self) -> list[str]:
        """What was not understood, and so not compared."""
        return [*self.old.describe_notes(), *self.new.describe_notes()]


def with_outcomes(diff: ContractDiff) -> ContractDiff:
    """Return the changes with the request forms and outcomes of their uses, where the contract tells these.

    What the schemas of an operation with an envelope describe is known by form and outcome, as everywhere.
    """
    places = [_places_of(version) for version in (diff.old, diff.new)]
    if not any(places):
        return diff
    return replace(diff, changes=tuple(replace(one, uses=_uses(one, places)) for one in diff.changes))


def _places_of(version: Version) -> _Places:
    """Return which places of exchanges each schema describes, of operations that have outcomes."""
    operations = (one.value for one in version.schemas.places.objects if one.kind == "operation")
    if not any(isinstance(one, dict) and "x-envelope" in one for one in operations):
        return {}
    try:
        contract = build_contract(version.schemas.documents)
    except ContractError as error:
        version.notes[Address(FIRST)] = f"outcomes are not told apart: {error}"
        return {}
    found: _Places = {}
    for location, uri in _iter_places(contract):
        found.setdefault(split_uri(uri), []).append(location)
    return found


def _iter_places(contract: Contract) -> Iterator[tuple[FieldLocation, str]]:
    for operation in contract.operations:
        if operation.envelope is None:
            continue
        for form in [one.id for one in operation.forms] or [""]:
            for outcome in (Outcome.SUCCESS, Outcome.BUSINESS_ERROR):
                scope = (operation.id, form, outcome.value)
                for place, uris in schemas_of_scope(contract, scope).items():
                    yield from (((*scope, place), uri) for uri in uris)


def _uses(change: ContractChange, places: list[_Places]) -> tuple[Use, ...]:
    """Return the uses of a change, those in bodies that are known better in place of what is known."""
    known: dict[Use, None] = {}
    for statement, found in zip(change.statements, places, strict=True):
        at = statement
        while at is not None and at not in found:
            at = Address(at.file, at.tokens[:-1]) if at.tokens else None
        for operation, form, outcome, pointer in found[at] if at is not None else ():
            in_request = pointer.startswith(REQUEST_BODY)
            way = Way.REQUEST if in_request else Way.RESPONSE
            known[Use(operation, form, "" if in_request else outcome, pointer, way)] = None
    pointers = {(one.operation, one.pointer) for one in change.uses}
    known = {one: None for one in known if (one.operation, one.pointer) in pointers}
    told = {(one.operation, one.pointer) for one in known}
    return (*known, *(one for one in change.uses if (one.operation, one.pointer) not in told))


def describe_traffic(change: ContractChange, observations: Observations) -> str:
    """Return in a sentence what recordings say of a change; nothing where they cannot say anything."""
    if change.kind.id in _UNSEEN or not change.uses or not change.uses[0].operation:
        return ""
    locations = _locations(change, observations)
    never = "nobody was ever answered this" if change.uses[0].way is Way.RESPONSE else "nobody ever sent this"
    if change.kind.id in _OF_EXCHANGES:
        calls = sum(observations[location].count for location in locations)
        return f"{calls:,} exchanges are recorded" if calls else "nobody ever called this"
    inside = _locations(change, observations, is_inside=True)
    if not locations and not inside:
        return "no recording comes near this"
    if change.kind.id in _OF_VALUES:
        return _describe_value(change, observations, locations, never)
    if change.kind.id in _OF_RANGES and (said := _describe_range(observations, locations)):
        return said
    if change.kind.id in _OF_TYPES and locations:
        types: Counter[str] = Counter()
        for location in locations:
            types.update(
                {type_: observations[location].count_of(type_) for type_ in observations[location].types}
            )
        return f"seen: {', '.join(f'{type_} {number:,} times' for type_, number in types.most_common())}"
    shares = [share_of(location, observations) for location in {*locations, *inside}]
    share = Share(count=sum(one.count for one in shares), of=sum(one.of for one in shares))
    if not share.count:
        return f"{never} (0 of {share.of:,})"
    is_whole = all(parent_of(location)[3] in _WHOLE for location in locations)
    return f"in {share.count:,} of {share.of:,} {_nouns(change) if is_whole else 'objects'}"


def _nouns(change: ContractChange) -> str:
    return "answers" if change.uses[0].way is Way.RESPONSE else "requests"


def _locations(
    change: ContractChange, observations: Observations, *, is_inside: bool = False
) -> list[FieldLocation]:
    """Return the places where a change shows and something was seen; or where it would, in objects seen."""
    found = []
    for use in set(change.uses):
        pointer = "" if change.kind.id in _OF_EXCHANGES else use.pointer
        wanted = pointer.rpartition("/")[0] if is_inside else pointer
        scopes = [
            location[:3]
            for location in observations
            if (location[0], location[3]) == (use.operation, wanted)
            and use.form in ("", location[1])
            and (use.outcome == location[2] or use.outcome not in list(Outcome))
        ]
        found += [(*scope, pointer) for scope in scopes]
    return [*dict.fromkeys(found)]


def _describe_value(
    change: ContractChange, observations: Observations, locations: list[FieldLocation], never: str
) -> str:
    text = change.was or change.now
    value = str(json.loads(text)) if change.kind.id.startswith("value-") else text
    seen = [observations[location] for location in locations]
    if any(one.has_many_values or one.other_values for one in seen):
        return "which values were seen is not kept"
    number, total = sum(one.values.get(value, 0) for one in seen), sum(one.count for one in seen)
    return f"in {number:,} of {total:,} {_nouns(change)}" if number else f"{never} (0 of {total:,})"


def _describe_range(observations: Observations, locations: list[FieldLocation]) -> str:
    for name, unit in (("lengths", "characters"), ("items", "items"), ("numbers", "")):
        found: Range | None = None
        for location in locations:
            found = widest(found, getattr(observations[location], name))
        if found:
            least, most = (f"{one:,g}" for one in found)
            return f"seen: {least if least == most else f'{least} to {most}'} {unit}".rstrip()
    return ""
