"""Compares what two sets of schemas say of a value themselves, a keyword at a time."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import zip_longest
from typing import Any

import msgspec

from opay_contract.contract.addresses import Address
from opay_contract.contract.change_kinds import Way
from opay_contract.contract.loading import SENSITIVITIES
from opay_contract.diff.versions import plain_text
from opay_contract.diff.views import (
    CONSTRAINTS,
    DECIDING,
    EXAMPLES,
    EXCLUSIVE,
    LIMITS,
    WORDS,
    Addresses,
    SchemaView,
    Stated,
    describe_types,
)
from opay_contract.jsontext import Tokens


class Difference(msgspec.Struct, frozen=True):
    """One difference: where it stands in both versions, what was and is there in words.

    Where it stands in one version alone, `near` is where it would be in the other. `value` tells differences
    of a place apart. `step` leads to what is meant below the value; what is of one way alone is of `only`.
    """

    kind: str
    old: Address | None
    new: Address | None
    near: Address | None = None
    was: str = ""
    now: str = ""
    value: str = ""
    step: Tokens = ()
    only: Way | None = None


Views = tuple[SchemaView, SchemaView]
"""What describes a value in the old version and in the new, each looked at as one."""


def differ(kind: str, views: Views, old: Address | None, new: Address | None, **more: Any) -> Difference:
    """Return a difference between two views; where one has no such statement, it is near a like one."""
    if old is None and new is None:
        return Difference(kind, old=views[0].near(None), new=views[1].near(None), **more)
    near = views[0].near(new) if old is None else views[1].near(old) if new is None else None
    return Difference(kind, old=old, new=new, near=near, **more)


def compare_types(views: Views) -> Iterator[Difference]:
    """Compare which types a value may have, and which values alone."""
    was, now = (view.values() for view in views)
    if was is not None and now is not None:
        for text in sorted(was.keys() ^ now.keys()):
            kind, word = ("value-removed", "was") if text in was else ("value-added", "now")
            yield differ(kind, views, was.get(text), now.get(text), value=text, **{word: text})
        return
    types, others = (view.types() for view in views)
    if types != others:
        kind = "type-narrowed" if others < types else "type-widened" if types < others else "type-changed"
        places = (view.kinds[0][1] if view.kinds else None for view in views)
        yield differ(kind, views, *places, was=describe_types(types), now=describe_types(others))
    if was is not None or now is not None:
        kind = "values-limited" if was is None else "values-unlimited"
        words = ["any value" if one is None else ", ".join(sorted(one)) for one in (was, now)]
        places = (next(iter(one.values())) if one else None for one in (was, now))
        yield differ(kind, views, *places, was=words[0], now=words[1])


def compare_limits(views: Views) -> Iterator[Difference]:
    """Compare the strictest limit of each kind: the greatest of the least, the least of the greatest."""
    types, said = views[0].types() | views[1].types(), views[0].keywords | views[1].keywords
    for keyword, about in LIMITS.items():
        if not {keyword, EXCLUSIVE.get(keyword)} & said:
            continue
        sign = -1 if keyword.startswith("min") else 1
        found = []
        for view in views:
            stated = [(one, 1) for one in view.stated(keyword)]
            stated += [(one, 0) for one in view.stated(EXCLUSIVE.get(keyword, ""))]
            numbers = [(one, rank) for one, rank in stated if type(one.value) in (int, float)]
            ranks = [((Fraction(one.value) * sign, rank), one) for one, rank in numbers]
            found.append(min(ranks, key=lambda one: one[0], default=None))
        was, now = found
        if types & about and (was and was[0]) != (now and now[0]):
            is_tighter = now is not None and (was is None or now[0] < was[0])
            words = [f"{one[1].at.tokens[-1]} {one[1].value}" if one else f"no {keyword}" for one in found]
            kind = "limit-tightened" if is_tighter else "limit-loosened"
            places = [one and one[1].at for one in found]
            yield differ(kind, views, *places, was=words[0], now=words[1], value=" -> ".join(words))


def compare_constraints(views: Views) -> Iterator[Difference]:
    """Compare what is said once or more often and has no order, such as `pattern`."""
    types = views[0].types() | views[1].types()
    said = views[0].keywords | views[1].keywords
    for keyword in [keyword for keyword, about in CONSTRAINTS.items() if keyword in said and types & about]:
        was, now = ({plain_text(one.value): one for one in view.stated(keyword)} for view in views)
        for before, after in zip_longest(sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())):
            kind = "added" if before is None else "removed" if after is None else "changed"
            if kind == "changed" and keyword == "multipleOf":
                kind = _compare_multiples(was[before].value, now[after].value)
            words = [f"{keyword} {one}" if one else f"no {keyword}" for one in (before, after)]
            places = [was[before].at if before else None, now[after].at if after else None]
            yield differ(
                f"constraint-{kind}", views, *places, was=words[0], now=words[1], value=" -> ".join(words)
            )
    stated = [view.first("discriminator") for view in views]
    before, after = (_describe_discriminator(one) for one in stated)
    if before != after:
        places = [one.at if one else None for one in stated]
        yield differ("discriminator-changed", views, *places, was=before, now=after)


def _compare_multiples(before: Any, after: Any) -> str:
    was, now = (Fraction(str(one)) if type(one) in (int, float) else Fraction(0) for one in (before, after))
    if was and (now / was).denominator == 1:
        return "added"
    return "removed" if now and (was / now).denominator == 1 else "changed"


def _describe_discriminator(stated: Stated | None) -> str:
    value = stated.value if stated and isinstance(stated.value, dict) else {}
    mapping = value.get("mapping")
    return " ".join(
        [str(value.get("propertyName", "none")), *sorted(mapping if isinstance(mapping, dict) else ())]
    )


def compare_ways(
    one_way: list[tuple[bool, bool]], was: Addresses, now: Addresses, more: dict[str, Any]
) -> Iterator[Difference]:
    """Compare whether a property may be read, and written."""
    names = (("writable", "read-only"), ("readable", "write-only"))
    for before, after, kinds in zip(*one_way, names, strict=True):
        if before is not after:
            yield Difference(f"property-became-{kinds[after]}", was[0], now[0], step=more["step"])


def compare_words(views: Views) -> Iterator[Difference]:
    """Compare what does not decide whether a value fits; of what is said twice the outermost counts."""
    for keyword in sorted(
        {keyword for view in views for one in view.parts for keyword in one.value} - DECIDING
    ):
        stated = [view.first(keyword) for view in views]
        values = [one.value if one else None for one in stated]
        told = [one.value if one and (one.value or keyword == "default") else None for one in stated]
        if plain_text(told[0]) != plain_text(told[1]):
            is_said = keyword not in WORDS | EXAMPLES
            words = [plain_text(one) if is_said else "" for one in values]
            kind, places = kind_of_words(keyword, *values), [one and one.at for one in stated]
            yield differ(kind, views, *places, was=words[0], now=words[1], value=keyword)


def kind_of_words(keyword: str, was: Any, now: Any) -> str:
    """Return the kind of a change of a keyword that does not decide what fits, as far as is known."""
    if keyword == "x-sensitivity":
        ranks = [
            SENSITIVITIES.index(one) if one in SENSITIVITIES else len(SENSITIVITIES) for one in (was, now)
        ]
        return "sensitivity-raised" if ranks[1] < ranks[0] else "sensitivity-lowered"
    if keyword == "deprecated":
        return "deprecated" if now is True else "reactivated"
    kinds = {
        "default": "default-changed",
        "x-sunset": "deprecated",
        **dict.fromkeys(WORDS, "words-changed"),
        **dict.fromkeys(EXAMPLES, "examples-changed"),
    }
    return kinds.get(keyword, "extension-changed" if keyword.startswith("x-") else "keyword-changed")
