"""Make the corpus again: `python -m contract_tests.recordings.make [name ...]`."""

import sys
from pathlib import Path

from .browsers import record_chromium, record_playwright
from .clients import record_requests, record_vcrpy
from .curl import record_curl
from .firefox import record_firefox
from .flows import record_flows
from .generated import record_schemathesis
from .postman import record_postman
from .proxy import record_mitmproxy
from .server import running

_RECORDERS = {
    "requests": record_requests,
    "vcrpy": record_vcrpy,
    "mitmproxy": record_mitmproxy,
    "schemathesis": record_schemathesis,
    "playwright": record_playwright,
    "chromium": record_chromium,
    "firefox": record_firefox,
    "flows": record_flows,
    "postman": record_postman,
    "curl": record_curl,
}


def main(names: list[str]) -> None:
    """Run the named recorders, or all, against the clean and then the drifted server."""
    for mode in ("clean", "drifted"):
        folder = Path(__file__).resolve().parents[1] / mode
        folder.mkdir(exist_ok=True)
        for name in names or _RECORDERS:
            with running(mode) as server:
                _RECORDERS[name](server, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
