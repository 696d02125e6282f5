"""What was seen of the members of a body and what the contract documents of them, as a tree."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field
from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY, fields_of_scope
from opay_contract.judge.describing import folded_place
from opay_contract.model.insight import Share
from opay_contract.model.observation import UNDATED, Observations, Observed, Range, Scope
from opay_contract.report.charts import describe_day_key, draw_bar, iter_days
from opay_contract.report.insights import describe_share
from opay_contract.words import count

MAX_VALUES = 12
"""Values of a member that are listed; the others are counted."""

MAX_DEPTH = 12
"""How deep a tree goes; what is deeper hangs there with the rest of its pointer as its name."""


@dataclass(slots=True, kw_only=True)
class Member:
    """A place of a body: what was seen there, what is documented, and how often it could have been there.

    `share` is None for what cannot be absent: a body, and an item of a list.
    """

    name: str
    is_documented: bool
    observed: Observed | None = None
    documented: Field | None = None
    share: Share | None = None
    members: list["Member"] = field(default_factory=list)

    @property
    def tags(self) -> list[str]:
        """What is remarkable about it."""
        return ["undocumented"] * (not self.is_documented) + ["never seen"] * (not self.observed)

    @property
    def presence(self) -> str:
        """How often it was there, in words."""
        if self.share is None:
            return f"{self.observed.count:,}" if self.observed else ""
        return describe_share(self.share) if self.share.of else "nothing could have it"

    @property
    def bar(self) -> Markup:
        """How often it was there, as a bar."""
        return draw_bar(100 * self.share.rate) if self.share else Markup()

    @property
    def days(self) -> str:
        """The first and the last day on which it was there."""
        dated = iter_days(self.observed.days()) if self.observed else ()
        days = [describe_day_key(day) for day in dated if day != UNDATED]
        if not days:
            return ""
        return f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"

    def facts(self, usual: str) -> str:
        """Return what was seen and what is documented; what is `usual` about its days is not said again."""
        days = "" if self.days == usual else self.days
        seen = [*_describe_seen(self.observed), days] if self.observed else []
        return "; ".join(filter(None, [*seen, _describe_documented(self.documented)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeTrees:
    """The bodies of the exchanges of one operation, request form and outcome."""

    scope: Scope
    exchanges: int
    bodies: tuple[Member, ...]


def iter_trees(observations: Observations, contract: Contract | None) -> Iterator[ScopeTrees]:
    """Yield the trees of every scope in which a body was seen."""
    for scope in sorted({spot[:3] for spot in observations}):
        fields = fields_of_scope(contract, scope) if contract else {}
        seen = {spot[3]: one for spot, one in observations.items() if spot[:3] == scope}
        grower = _Grower(seen, {folded_place(place): one for place, one in fields.items()})
        bodies = tuple(
            grower.grow(root, title)
            for root, title in ((REQUEST_BODY, "Request body"), (RESPONSE_BODY, "Response body"))
            if root in seen
        )
        if bodies:
            yield ScopeTrees(scope=scope, exchanges=seen[""].count if "" in seen else 0, bodies=bodies)


class _Grower:
    """Puts the places of one scope into trees: documented ones in their order, then the others by name."""

    def __init__(self, seen: dict[str, Observed], documented: dict[str, Field]) -> None:
        self._seen = seen
        self._documented = documented
        self._members: dict[str, Member] = {}

    def grow(self, root: str, title: str) -> Member:
        """Return the tree of a body."""
        top = self._members[root] = Member(name=title, is_documented=True, observed=self._seen[root])
        others = sorted(place for place in self._seen if place not in self._documented)
        for place in (*self._documented, *others):
            if place.startswith(f"{root}/"):
                self._member(root, place)
        return top

    def _member(self, root: str, place: str) -> Member:
        if place in self._members:
            return self._members[place]
        tokens = place.removeprefix(f"{root}/").split("/")
        depth = min(len(tokens), MAX_DEPTH) - 1
        parent = self._member(root, "/".join((root, *tokens[:depth])))
        observed, is_item = self._seen.get(place), tokens[-1] == "*"
        is_documented = place in self._documented or (observed is not None and observed.is_documented)
        member = self._members[place] = Member(
            name="/".join(tokens[depth:]).replace("~1", "/").replace("~0", "~"),
            is_documented=parent.is_documented if is_item else is_documented,
            observed=observed,
            documented=self._documented.get(place),
            share=None if is_item else self._share(place),
        )
        parent.members.append(member)
        return member

    def _share(self, place: str) -> Share:
        observed, around = self._seen.get(place), self._seen.get(place.rpartition("/")[0])
        count = observed.count if observed else 0
        return Share(count=count, of=max(count, around.count_of("object") if around else 0))


def _describe_documented(field_: Field | None) -> str:
    if field_ is None:
        return ""
    required = {"yes": "required", "no": "optional"}.get(field_.required, "required in some cases")
    types = " or ".join(field_.types)
    return f"documented: {f'{types}, ' if types else ''}{required}"


def _describe_seen(observed: Observed) -> Iterator[str]:
    """Yield types, limits and values of what was seen at a place."""
    ordered = sorted(observed.types, key=lambda type_: (-observed.count_of(type_), type_))
    if len(ordered) == 1:
        yield ordered[0]
    else:
        yield ", ".join(f"{type_} {observed.count_of(type_):,}" for type_ in ordered)
    for found, unit in ((observed.lengths, "character"), (observed.items, "item")):
        if found:
            yield f"{_describe_range(found)} {unit}{'' if found[0] == found[1] == 1 else 's'}"
    if observed.numbers:
        yield f"{_describe_range(observed.numbers)} as a number"
    if observed.has_many_values:
        yield "too many values to count"
    elif observed.values:
        ranked = sorted(observed.values.items(), key=lambda item: (-item[1], item[0]))
        listed = [f"'{value}' {number:,}" for value, number in ranked[:MAX_VALUES]]
        more = [f"and {len(ranked) - MAX_VALUES:,} more values"] if len(ranked) > MAX_VALUES else []
        yield "values " + ", ".join([*listed, *more])
    if observed.other_values:
        yield f"{count(observed.other_values, 'value')} not kept"


def _describe_range(found: Range) -> str:
    least, greatest = (f"{int(one):,}" if one == int(one) else f"{one:,}" for one in found)
    return least if least == greatest else f"{least} to {greatest}"
