"""What a run says of exchanges that are none of the contract's, in words that every report uses alike."""

from collections import Counter
from collections.abc import Iterator

from opay_contract.model.summary import DriftSummary, Elsewhere
from opay_contract.words import printable

_MOST_NAMED = 5
_MOST_BASE_URLS = 3
_PLACES = {"host": "other hosts", "path": "other paths of the contract's hosts"}


def describe_nothing(summary: DriftSummary, inputs: int | None) -> str:
    """Return why nothing was checked; `inputs` is how many files were read, None where that is not known."""
    if summary.out_of_scope:
        none = "none of the" if summary.out_of_scope > 1 else "the"
        verb = "belongs" if summary.out_of_scope > 1 else "does not belong"
        return f"{none} {_exchanges(summary.out_of_scope)} {verb} to the contract"
    if summary.out_of_window:
        return "all exchanges are outside --since and --until"
    if summary.unreadable_count:
        return "nothing could be read"
    if inputs == 0:
        return "there is no file to read"
    if inputs is None:
        return "there are no exchanges"
    if summary.passed_over_count == inputs:
        return f"none of the {inputs:,} files is a recording" if inputs > 1 else "the file is no recording"
    return f"the {inputs:,} files hold no exchange" if inputs > 1 else "the file holds no exchange"


def describe_out_of_scope(summary: DriftSummary, option: str = "--base-url") -> list[str]:
    """Return where the exchanges went that are out of scope, a sentence for each reason that there is.

    Where a path ends in one of the contract's, the host may be a gateway to it, and the sentence says how to
    have it checked, with the `option` that names a base URL. Where nothing else was recorded, paths are
    named, too.
    """
    sentences = [printable(sentence) for sentence in _iter_sentences(summary, option)]
    return sorted(sentences, key=lambda sentence: not sentence.endswith("."))  # an option ends a text best


def _iter_sentences(summary: DriftSummary, option: str) -> Iterator[str]:
    for reason, places in _PLACES.items():
        seen = {one: number for one, number in summary.elsewhere.items() if one.reason == reason}
        if seen:
            names = _join(seen, with_path=reason == "path" or not summary.exchanges)
            hint = _hint(seen, option, is_needed=not summary.exchanges and reason == "host")
            yield f"{_exchanges(sum(seen.values()))} went to {places} ({names}){hint or '.'}"
    preflights = sum(number for one, number in summary.elsewhere.items() if one.reason == "preflight")
    if preflights:
        yield f"{_exchanges(preflights)} {'was a preflight' if preflights == 1 else 'were preflights'}."
    if others := summary.out_of_scope - sum(summary.elsewhere.values()):
        yield f"{_exchanges(others)} went elsewhere."


def _join(seen: dict[Elsewhere, int], *, with_path: bool) -> str:
    """Return the places with their counts, most first."""
    counts: Counter[str] = Counter()
    for one, number in seen.items():
        counts[f"{one.host}{one.path if with_path else ''}"] += number
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = len(ordered) - _MOST_NAMED
    named = [f"{name} {number:,}" for name, number in ordered[:_MOST_NAMED]]
    return ", ".join([*named, *([f"and {more:,} more"] if more > 0 else [])])


def _hint(seen: dict[Elsewhere, int], option: str, *, is_needed: bool) -> str:
    """Return the base URLs to give, those that most of the exchanges would need first."""
    counts: Counter[str] = Counter()
    for one, number in seen.items():
        counts[one.base_url] += number
    del counts[""]
    urls = [url for url, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    if urls:
        options = " ".join(f"{option} {url}" for url in urls[:_MOST_BASE_URLS] if "*" not in url)
        described = f"{option} {urls[0]} with what stands for *"
        return f"; if one answers by the contract: {options or described}"
    return f"; if one answers by the contract, name it with {option}" if is_needed else ""


def _exchanges(number: int) -> str:
    return f"{number:,} {'exchange' if number == 1 else 'exchanges'}"
