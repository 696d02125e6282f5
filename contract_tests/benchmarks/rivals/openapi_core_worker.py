"""Validates recorded exchanges with openapi-core. Runs in an environment of its own, with openapi-core alone.

    python openapi_core_worker.py CONTRACT TRAFFIC

Prints a JSON list for each remark: number of the exchange, pointer into the body, words. The first line is
the version, the last the processor seconds that validating took, decoding aside.
"""

import base64
import json
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI  # type: ignore[import-not-found]
from openapi_core.testing import MockRequest, MockResponse  # type: ignore[import-not-found]


def main(contract: str, traffic: str) -> None:
    """Read, validate, print."""
    print(json.dumps(metadata.version("openapi-core")))
    api = OpenAPI.from_file_path(str(Path(contract) / "openapi.yaml"))
    spent = 0.0
    with Path(traffic).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            request, response = read(json.loads(line))
            start = time.process_time()
            errors = [*api.iter_request_errors(request), *api.iter_response_errors(request, response)]
            spent += time.process_time() - start
            for error in errors:
                for place, words in describe(error):
                    print(json.dumps([number, place, words]))
    print(json.dumps(spent))


def read(wire: dict[str, Any]) -> tuple[MockRequest, MockResponse]:
    """Return an exchange in the library's own types for recorded ones."""
    url = urlsplit(wire["url"])
    request = MockRequest(
        f"{url.scheme}://{url.netloc}",
        wire["method"],
        url.path,
        args=dict(parse_qsl(url.query)),
        headers=wire["sent"],
        data=base64.b64decode(wire["asked"]),
        content_type=content_type(wire["sent"]),
    )
    data = base64.b64decode(wire["answer"])
    return request, MockResponse(data, wire["status"], wire["received"], content_type(wire["received"]))


def content_type(headers: dict[str, str]) -> str:
    """Return the media type, in lower case as the library asks for."""
    return next((value.lower() for name, value in headers.items() if name.lower() == "content-type"), "")


def describe(error: Exception) -> Iterator[tuple[str, str]]:
    """Yield place and words of an error, and of each error of the schema under it."""
    cause = error.__cause__ or error.__context__
    details = list(getattr(cause, "schema_errors", None) or getattr(error, "schema_errors", None) or ())
    for detail in details:
        yield "".join(f"/{step}" for step in detail.absolute_path), str(detail.message)
    if not details:
        yield "", f"{type(error).__name__}: {words_of(error)}"


def words_of(error: Exception) -> str:
    """Return an error's text; that of a body that is no UTF-8 cannot be written by the library."""
    try:
        return f"{error} ({error.__cause__})"
    except UnicodeDecodeError:
        return "an error that has no text"


if __name__ == "__main__":
    main(*sys.argv[1:])
