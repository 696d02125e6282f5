"""Charts as inline SVG, drawn by svg.py: shapes with classes, whose colours and sizes the page's style has.

The words on a chart are HTML around it, so that they are as large on a phone as on a wide screen. svg.py
escapes nothing: text from outside goes through `as_text` first.
"""

from collections.abc import Sequence

import svg

from opay_contract.model.insight import Share
from opay_contract.report.html_parts import as_text

_HEIGHT = 100
_LEAST = 5
"""The height of a column that would be too low to be seen."""

_STRETCH = svg.PreserveAspectRatio("none")
_DECORATION = {"aria-hidden": "true"}
_IMAGE = {"role": "img"}


def draw_bar(percent: float) -> str:
    """Return a bar that is filled so far; the text beside it says the same."""
    return _draw(
        "bar",
        (_HEIGHT, 1),
        [
            svg.Rect(class_=["track"], width=_HEIGHT, height=1),
            svg.Rect(class_=["value"], width=round(percent, 2), height=1),
        ],
        _DECORATION,
    )


def draw_columns(title: str, words: str, values: Sequence[int], labels: Sequence[str], kind: str) -> str:
    """Return a chart of a column for each value that is not zero; pointing at it shows its label."""
    most = max(values, default=0)
    shapes: list[svg.Element] = [
        svg.G(
            elements=[
                svg.Title(text=as_text(f"{value:,} {label}")),
                svg.Rect(class_=["hit"], x=position, y=0, width=1, height=_HEIGHT),
                _column(position, max(_LEAST, _HEIGHT * value / most), kind),
            ]
        )
        for position, (value, label) in enumerate(zip(values, labels, strict=True))
        if value
    ]
    return _draw("columns", (len(values), _HEIGHT), _words(title, words) + shapes, _IMAGE)


def draw_sparkline(values: Sequence[int], kind: str) -> str:
    """Return a small chart without words; the text beside it says what matters."""
    most = max(values, default=0)
    heights = [max(2 * _LEAST, _HEIGHT * value / most) if value else 0.0 for value in values]
    return _draw("spark", (len(values), _HEIGHT), [_outline(heights, kind)], _DECORATION)


def draw_rates(title: str, words: str, shares: Sequence[Share], mark: int) -> str:
    """Return a chart of a rate for each column in which something could be there, and of when it changed."""
    tracks = [_HEIGHT if share.of else 0.0 for share in shares]
    heights = [max(_LEAST, _HEIGHT * share.rate) if share.count else 0.0 for share in shares]
    line = svg.Line(class_=["mark"], x1=mark, x2=mark, y1=0, y2=_HEIGHT)
    shapes = [*_words(title, words), _outline(tracks, "track"), _outline(heights, "value"), line]
    return _draw("rates", (len(shares), _HEIGHT), shapes, _IMAGE)


def _draw(kind: str, size: tuple[int, int], shapes: list[svg.Element], extra: dict[str, str]) -> str:
    return str(
        svg.SVG(
            xmlns=None,
            class_=[kind],
            viewBox=svg.ViewBoxSpec(0, 0, *size),
            preserveAspectRatio=_STRETCH,
            elements=shapes,
            extra=extra,
        )
    )


def _words(title: str, words: str) -> list[svg.Element]:
    return [svg.Title(text=as_text(title)), svg.Desc(text=as_text(words))]


def _column(position: int, height: float, kind: str) -> svg.Rect:
    top = round(_HEIGHT - height, 2)
    return svg.Rect(class_=[kind], x=position + 0.1, y=top, width=0.8, height=round(height, 2))


def _outline(heights: Sequence[float], kind: str) -> svg.Polygon:
    """Return columns as one shape, which takes a tenth of the text and of the time."""
    points: list[svg.Point] = [svg.Point(0, _HEIGHT)]
    for position, height in enumerate(heights):
        if height:
            top = round(_HEIGHT - height)
            left, right = position + 0.1, position + 0.9
            points += [
                svg.Point(left, _HEIGHT),
                svg.Point(left, top),
                svg.Point(right, top),
                svg.Point(right, _HEIGHT),
            ]
    return svg.Polygon(class_=[kind], points=points)
