"""Finds Redoc, which comes in the package `drf-spectacular-sidecar`; nothing of Django is imported."""

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from opay_contract.errors import UsageError

_PACKAGE = "drf-spectacular-sidecar"
_BUNDLE = "redoc/bundles/redoc.standalone.js"
_LOGO = '"https://cdn.redoc.ly/redoc/logo-mini.svg"'
_NO_LOGO = '"data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="'


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Redoc's script and the licences of what is in it."""

    script: str
    licences: str
    origin: str


def load_renderer() -> Renderer:
    """Read Redoc; its script would fetch one picture from a CDN, which an empty one replaces."""
    bundle = _find(_BUNDLE)
    return Renderer(
        script=bundle.read_text(encoding="utf-8").replace(_LOGO, _NO_LOGO),
        licences=_find(_BUNDLE + ".LICENSE.txt").read_text(encoding="utf-8"),
        origin=f"{_PACKAGE} {metadata.version(_PACKAGE)}",
    )


def _find(ending: str) -> Path:
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise UsageError("docs needs Redoc: pip install 'opay-contract[docs]'") from error
    for file in files:
        if file.as_posix().endswith(ending):
            return Path(str(file.locate()))
    raise UsageError(f"{_PACKAGE} has no {ending}; install the version that opay-contract[docs] names")
