"""Validates recorded answers with schemathesis' `Case.validate_response`; prints as the other worker does.

    python schemathesis_worker.py CONTRACT TRAFFIC

All of its checks but `ignored_auth`, which sends the recorded request again to the host it was recorded from;
that nothing can be sent at all is made sure of beside.
"""

import base64
import datetime as dt
import json
import socket
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import schemathesis
import urllib3
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth

_SERVER_PREFIX = "/v2"


def refuse(*_arguments: object, **_named: object) -> None:
    """Stand for what would reach out."""
    raise OSError("no network here")


def main(contract: str, traffic: str) -> None:
    """Read, validate, print."""
    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]
    print(json.dumps(metadata.version("schemathesis")))
    schema = schemathesis.openapi.from_path(Path(contract) / "openapi.yaml")
    spent = 0.0
    with Path(traffic).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            wire = json.loads(line)
            response = read_response(wire)
            start = time.process_time()
            remarks = validate(schema, wire, response)
            spent += time.process_time() - start
            for place, words in remarks:
                print(json.dumps([number, place, words]))
    print(json.dumps(spent))


def validate(schema: Any, wire: dict[str, Any], response: requests.Response) -> list[tuple[str, str]]:
    """Return place and words of every failure; a request that leads to no operation is one."""
    url = urlsplit(wire["url"])
    path = url.path.removeprefix(_SERVER_PREFIX)
    operation = schema.find_operation_by_path(wire["method"], path)
    if operation is None:
        return [("", f"no operation for {wire['method']} {path}")]
    case = operation.Case(
        headers=wire["sent"],
        query=dict(parse_qsl(url.query)),
        path_parameters={"id": path.split("/")[2]} if "{id}" in operation.path else {},
        **read_body(wire),
    )
    try:
        case.validate_response(response, excluded_checks=[ignored_auth])
    except FailureGroup as group:
        return [describe(failure) for failure in group.exceptions]
    except Failure as failure:
        return [describe(failure)]
    return []


def describe(failure: BaseException) -> tuple[str, str]:
    """Return place and words of a failure."""
    place = "".join(f"/{step}" for step in getattr(failure, "instance_path", ()))
    return place, f"{type(failure).__name__}: {getattr(failure, 'message', failure)}"


def read_body(wire: dict[str, Any]) -> dict[str, Any]:
    """Return what a case needs to know about the request's body."""
    data = base64.b64decode(wire["asked"])
    if not data:
        return {}
    try:
        return {"body": json.loads(data), "media_type": "application/json"}
    except ValueError:
        return {"body": data, "media_type": "application/json"}


def read_response(wire: dict[str, Any]) -> requests.Response:
    """Return a recorded answer as the type that the library takes."""
    response, data = requests.Response(), base64.b64decode(wire["answer"])
    response.status_code, response.reason, response.url = wire["status"], "", wire["url"]
    response.headers.update(wire["received"])
    response._content = data  # noqa: SLF001  there is no other way to make one
    response.elapsed = dt.timedelta(0)
    response.raw = urllib3.HTTPResponse(body=data, status=wire["status"], headers=wire["received"])
    sent = base64.b64decode(wire["asked"])
    response.request = requests.Request(
        wire["method"], wire["url"], headers=wire["sent"], data=sent
    ).prepare()
    return response


if __name__ == "__main__":
    main(*sys.argv[1:])
