"""How often each member of the bodies was there, on the HTML page: trees of bars with what was seen."""

from collections.abc import Iterator

from opay_contract.model.observation import UNDATED, Observed, Range
from opay_contract.report.checked_run import CheckedRun
from opay_contract.report.html_charts import draw_bar
from opay_contract.report.html_parts import Section, as_text
from opay_contract.report.insights import describe_scope, describe_share
from opay_contract.report.presence import Member, ScopeTrees, iter_trees
from opay_contract.report.timeline import describe_day, iter_days
from opay_contract.words import count

MAX_VALUES = 12
"""Values of a member that are listed; the others are counted."""

_ABOUT = (
    "How often each member of the bodies was there, of the objects that could have had it. First and last "
    "day are those of the body unless others are named. Values are counted of members that the contract "
    "calls public, no others."
)


def build_presence(run: CheckedRun) -> Section | None:
    """Return the trees of each operation, request form and outcome; that of most exchanges is open."""
    trees = list(iter_trees(run.summary.observations, run.contract))
    if not trees:
        return None
    fullest = max(trees, key=lambda one: one.exchanges)
    parts = [f"<p>{_ABOUT}</p>", *(_scope(one, is_open=one is fullest) for one in trees)]
    return Section(id="presence", title="Members of the bodies", body="\n".join(parts))


def _scope(trees: ScopeTrees, *, is_open: bool) -> str:
    scope, number = as_text(describe_scope((*trees.scope, ""))), count(trees.exchanges, "exchange")
    bodies = "\n".join(_member(body, "") for body in trees.bodies)
    return (
        f"<details{' open' if is_open else ''}>\n<summary>{scope}: {number}</summary>\n"
        f'<ul class="tree">\n{bodies}\n</ul>\n</details>'
    )


def _member(member: Member, usual: str) -> str:
    """Return a member and those below it; what is `usual` about its days is not said again."""
    kind = "member" if member.is_documented else "member undocumented"
    kind = kind if member.observed else "member unseen"
    name = f"<code>{as_text(member.name)}</code>" if member.share else as_text(_title(member))
    tags = "".join(f' <span class="tag">{tag}</span>' for tag in _tags(member))
    days = _days(member.observed) if member.observed else ""
    seen = _seen(member.observed, days if days != usual else "") if member.observed else ""
    facts = "; ".join(fact for fact in (seen, _documented(member)) if fact)
    below = "\n".join(_member(one, usual or days) for one in member.members)
    return (
        f'<li class="{kind}">\n<div class="name">{name}{tags}</div>{_presence(member)}\n'
        f'<div class="statement">{facts}</div>' + (f"\n<ul>\n{below}\n</ul>" if below else "") + "\n</li>"
    )


def _title(member: Member) -> str:
    return "each item" if member.name == "*" else member.name


def _presence(member: Member) -> str:
    if member.share is None:
        return f'<span class="number">{member.observed.count:,}</span>' if member.observed else ""
    share = as_text(describe_share(member.share)) if member.share.of else "nothing could have it"
    return f'<span class="number">{share}</span>{draw_bar(100 * member.share.rate)}'


def _tags(member: Member) -> Iterator[str]:
    if not member.is_documented:
        yield "undocumented"
    if not member.observed:
        yield "never seen"


def _documented(member: Member) -> str:
    if member.documented is None:
        return ""
    required = {"yes": "required", "no": "optional"}.get(member.documented.required, "required in some cases")
    types = " or ".join(member.documented.types)
    return as_text(f"documented: {f'{types}, ' if types else ''}{required}")


def _seen(observed: Observed, days: str) -> str:
    facts = (_types(observed), *_limits(observed), *_values(observed), days)
    return as_text("; ".join(fact for fact in facts if fact))


def _types(observed: Observed) -> str:
    if len(observed.types) == 1:
        return next(iter(observed.types))
    ordered = sorted(observed.types, key=lambda type_: (-observed.count_of(type_), type_))
    return ", ".join(f"{type_} {observed.count_of(type_):,}" for type_ in ordered)


def _limits(observed: Observed) -> Iterator[str]:
    for found, unit in ((observed.lengths, "character"), (observed.items, "item")):
        if found:
            yield f"{_range(found)} {unit}{'' if found[0] == found[1] == 1 else 's'}"
    if observed.numbers:
        yield f"{_range(observed.numbers)} as a number"


def _range(found: Range) -> str:
    least, greatest = (f"{int(one):,}" if one == int(one) else f"{one:,}" for one in found)
    return least if least == greatest else f"{least} to {greatest}"


def _values(observed: Observed) -> Iterator[str]:
    if observed.has_many_values:
        yield "too many values to count"
    elif observed.values:
        ordered = sorted(observed.values.items(), key=lambda item: (-item[1], item[0]))
        listed = [f"'{value}' {number:,}" for value, number in ordered[:MAX_VALUES]]
        more = [f"and {len(ordered) - MAX_VALUES:,} more values"] if len(ordered) > MAX_VALUES else []
        yield "values " + ", ".join([*listed, *more])
    if observed.other_values:
        yield f"{count(observed.other_values, 'value')} not kept"


def _days(observed: Observed) -> str:
    days = [describe_day(day) for day in iter_days(observed.days()) if day != UNDATED]
    if not days:
        return ""
    return f"on {days[0]}" if len(days) == 1 else f"from {days[0]} to {days[-1]}"
