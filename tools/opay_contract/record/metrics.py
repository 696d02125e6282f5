"""Counts what passes, and renders the counts as Prometheus reads them (text format 0.0.4)."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator

from opay_contract.model.finding import Finding

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_HELP = {
    "exchanges_total": "Calls that were answered by the upstream.",
    "recorded_total": "Exchanges that were written to the file.",
    "failures_total": "Exchanges that could not be recorded or checked.",
    "upstream_failures_total": "Calls that the upstream did not answer, or not to the end.",
    "clients_gone_total": "Calls whose client went away before it had sent its request.",
    "findings_total": "Findings, by rule.",
}
_UNLABELLED = ("recorded_total", "clients_gone_total")
_LATENCY = "opay_record_latency_seconds"

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters and a histogram; threads may share them. No label holds anything that was recorded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._latency = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0

    def count(self, name: str, **labels: str) -> None:
        """Add one to a counter."""
        with self._lock:
            self._counts[name, tuple(labels.items())] += 1

    def count_findings(self, findings: Iterable[Finding]) -> None:
        """Add findings to theirs."""
        for finding in findings:
            self.count("findings_total", rule=finding.rule.id, severity=finding.rule.severity.label)

    def observe(self, seconds: float) -> None:
        """Add how long an answer took, from the first byte of the request to the last of the answer."""
        with self._lock:
            self._latency[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds += seconds

    def total(self, name: str) -> int:
        """Return the sum of a counter over its labels."""
        with self._lock:
            return sum(number for (counter, _), number in self._counts.items() if counter == name)

    def render(self) -> str:
        """Return the text that a scrape gets."""
        with self._lock:
            counts = dict(self._counts)
            latency, seconds = list(self._latency), self._seconds
        lines = [line for name, text in _HELP.items() for line in _counter(name, text, counts)]
        return "\n".join([*lines, *_histogram(latency, seconds)]) + "\n"


def _counter(name: str, text: str, counts: dict[tuple[str, Labels], int]) -> Iterator[str]:
    full = f"opay_record_{name}"
    yield f"# HELP {full} {text}"
    yield f"# TYPE {full} counter"
    found = {labels: number for (counter, labels), number in counts.items() if counter == name}
    plain: dict[Labels, int] = {(): 0} if name in _UNLABELLED else {}
    for labels, number in sorted((plain | found).items()):
        inner = ",".join(f'{key}="{value}"' for key, value in labels)
        yield f"{full}{{{inner}}} {number}" if inner else f"{full} {number}"


def _histogram(latency: list[int], seconds: float) -> Iterator[str]:
    yield f"# HELP {_LATENCY} How long the upstream took, to the end of its answer."
    yield f"# TYPE {_LATENCY} histogram"
    seen = 0
    for bound, number in zip(map(str, (*_BOUNDS, "+Inf")), latency, strict=True):
        seen += number
        yield f'{_LATENCY}_bucket{{le="{bound}"}} {seen}'
    yield f"{_LATENCY}_sum {seconds:.6f}"
    yield f"{_LATENCY}_count {seen}"
