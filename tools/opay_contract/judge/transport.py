"""Checks of what surrounds the body: status, media type, request headers."""

from collections.abc import Iterator

from opay_contract.contract.operation import find_media_type
from opay_contract.jsontext import Parsed
from opay_contract.judge.describing import describe_media_type
from opay_contract.judge.subject import RawFinding, Subject
from opay_contract.judge.table import (
    HEADER_MISSING,
    JSON_MISLABELLED,
    MEDIA_TYPE_UNDOCUMENTED,
    STATUS_UNDOCUMENTED,
)
from opay_contract.model.exchange import header


def check_status(subject: Subject) -> Iterator[RawFinding]:
    """Find an HTTP status that the operation does not document."""
    if subject.documented is None:
        status = str(subject.exchange.response.status)
        documented = ", ".join(subject.operation.responses)
        yield RawFinding(
            STATUS_UNDOCUMENTED, status, f"one of {documented}", status, f"{subject.operation.uri}/responses"
        )


def check_media_type(subject: Subject) -> Iterator[RawFinding]:
    """Find an answer whose Content-Type is not one of the documented."""
    headers, documented = subject.exchange.response.headers, subject.documented
    if (
        headers is None
        or documented is None
        or not documented.media_types
        or subject.match.response_body is None
    ):
        return
    content_type = header(headers, "content-type")
    if find_media_type(content_type, documented.media_types) is not None:
        return
    rule = JSON_MISLABELLED if isinstance(subject.match.response_body, Parsed) else MEDIA_TYPE_UNDOCUMENTED
    actual = describe_media_type(content_type)
    yield RawFinding(rule, actual, ", ".join(documented.media_types), actual, f"{documented.uri}/content")


def check_request_headers(subject: Subject) -> Iterator[RawFinding]:
    """Find required headers that a request lacks although it was not refused."""
    headers = subject.exchange.request.headers
    if headers is None or subject.is_refused:
        return
    for required in subject.operation.required_headers:
        if not header(headers, required.name):
            yield RawFinding(HEADER_MISSING, required.name, "a required header", "none", required.uri)
    ways = subject.operation.credentials
    if ways and not any(all(header(headers, one.name) for one in way) for way in ways):
        names = " or ".join(" and ".join(one.name for one in way) for way in ways)
        first = next(one for one in ways[0] if not header(headers, one.name))
        yield RawFinding(HEADER_MISSING, first.name, f"credentials: {names}", "none", first.uri)
