"""The frame of every HTML page: renders pages from templates that escape whatever is put into them.

A page extends `base.html`, which has the head, the link past the navigation, and the blocks `header`,
`main`, `footer` and `data`. Styles and scripts are files; the page holds them, and its policy allows these
very ones and nothing else, so that it asks for nothing and obeys no text.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from opay_contract.words import printable

_PAGES = "opay_contract.pages"


@cache  # its templates are compiled once
def build_environment(package: str, folder: str = "templates", **filters: Callable[..., Any]) -> Environment:
    """Return the environment of the templates in a package's `folder`, which may extend `base.html`.

    Text becomes HTML text with its control characters as escapes, line breaks too; the filter `lines` keeps
    these. `filters` are further ones, by the names that templates call them: functions that outlive the call,
    else nothing that was compiled is found again.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, folder), PackageLoader(_PAGES)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_as_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": lambda number: f"{number:,}", "lines": keep_lines, **filters}
    return environment


def render_page(
    environment: Environment,
    template: str,
    *,
    styles: Iterable[str],
    scripts: Iterable[str] = (),
    policy: Mapping[str, str] | None = None,
    **values: Any,
) -> str:
    """Return a page; `styles` and `scripts` are their texts, `policy` has directives that differ.

    The style that all pages share comes first. Scripts stand at the end of the body.
    """
    style, ran = "".join([load_asset(_PAGES, "page.css"), *styles]), list(scripts)
    directives = {
        "default-src": "'none'",
        "script-src": " ".join(map(_source, ran)) or "'none'",
        "style-src": _source(style),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        **(policy or {}),
    }
    return environment.get_template(template).render(
        values,
        policy=Markup("; ".join(f"{name} {value}" for name, value in directives.items())),  # noqa: S704  ours
        style=Markup(style),  # noqa: S704  a file of the package
        scripts=[Markup(script) for script in ran],  # noqa: S704  files of packages
    )


def load_asset(package: str, name: str) -> str:
    """Return a style or a script that stands in a package's folder."""
    return (resources.files(package) / name).read_text(encoding="utf-8")


def keep_lines(text: str) -> Markup:
    """Return text of several lines as HTML text, its other control characters as escapes."""
    return Markup("\n").join(escape(printable(line)) for line in text.split("\n"))


def _as_text(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
