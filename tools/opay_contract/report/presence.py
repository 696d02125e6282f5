"""What was seen of the members of a body and what the contract documents of them, as a tree."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Field
from opay_contract.contract.scopes import REQUEST_BODY, RESPONSE_BODY, fields_of_scope
from opay_contract.judge.describing import describe_name
from opay_contract.model.insight import Share
from opay_contract.model.observation import Observations, Observed, Scope

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
        grower = _Grower(seen, {_folded(place): one for place, one in fields.items()})
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


def _folded(place: str) -> str:
    """Return the pointer of a documented place as observations have it."""
    return "/".join(token if token in ("", "*") else describe_name(token) for token in place.split("/"))
