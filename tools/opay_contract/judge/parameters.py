"""Checks of what a request says beside its body, and of the headers of an answer.

What stands in a URL is judged once for each URL, where it is found to which operation it leads. Names of
headers are the same in exchanges that are alike; their values are looked at in columns.
"""

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from opay_contract.contract.contract import Contract, Route
from opay_contract.contract.operation import Credential, Operation
from opay_contract.contract.parameters import (
    COOKIE,
    HEADER,
    PATH,
    QUERY,
    Pairs,
    Parameter,
    split_cookies,
    split_query,
)
from opay_contract.judge.body import iter_faults
from opay_contract.judge.describing import describe_name, describe_value, fold_pointer
from opay_contract.judge.subject import Placed, RawFinding, Subject, UrlFacts
from opay_contract.judge.table import (
    HEADER_MISSING,
    PARAMETER_INVALID,
    PARAMETER_MISSING,
    PARAMETER_UNDOCUMENTED,
    RESPONSE_HEADER_INVALID,
    RESPONSE_HEADER_MISSING,
)
from opay_contract.model.exchange import Headers, Request, header

_PREFIXES = {QUERY: "query:", PATH: "path:", HEADER: "request-header:", COOKIE: "cookie:"}
_MASK = re.compile(
    r"[*xX.#\u2022-]{3,}|\{\{.*\}\}|(?:[a-z]+ )?\W*(?:redacted|filtered|hidden|masked|removed|sanitized)\W*",
    re.IGNORECASE,
)
"""What recorders and people write in place of a value."""

_AUTHORIZATION = "Authorization"


NO_FACTS = UrlFacts()


def read_url(contract: Contract, route: Route, request: Request) -> UrlFacts:
    """Judge the path and the query of a request; what stands in neither is another matter."""
    operation, url = route.operation, request.url
    if operation is None or url is None or not (operation.parameters or "?" in url):
        return NO_FACTS
    query = split_query(urlsplit(url).query)
    given = _given_in_url(operation, contract.path(url) or "", query)
    faults = [fault for one, pairs in given for fault in _faults(contract, one, pairs)]
    faults += _undocumented(contract, operation, query)
    keys = contract.keys_in_queries.intersection(name for name, value in query if value)
    return UrlFacts(tuple(faults), keys) if faults or keys else NO_FACTS


def values_fit(contract: Contract, operation: Operation, path: str, query: Pairs) -> bool:
    """Tell whether the values in a path and in a query fit their schemas, so far as they are there."""
    reader = contract.parameters
    if all(reader.takes_all(one) for one in operation.parameters if one.place in (PATH, QUERY)):
        return True
    return not any(reader.errors(one, pairs)[1] for one, pairs in _given_in_url(operation, path, query))


def check_request(subject: Subject) -> Iterable[RawFinding]:
    """Find what is missing, wrong or unknown beside the body of a request that was not refused."""
    return () if subject.frame.is_refused else _request_hits(subject)


def requests_hold(subjects: list[Subject]) -> bool:
    """Tell that nothing is missing or wrong beside the bodies of the requests."""
    first = subjects[0]
    if first.alike.looks is None:
        first.alike.looks = _looks_of(first)
    names_hold, at_values, typed = first.alike.looks
    if not names_hold or not at_values:
        return names_hold and _values_hold(subjects, typed)
    return not any(True for one in subjects for _ in _request_hits(one))


def _looks_of(first: Subject) -> tuple[bool, bool, Placed]:
    """Return what is looked at in all that are alike."""
    headers, operation = first.exchange.request.headers, first.operation
    at_values = any(one.place == COOKIE for one in operation.parameters) or any(
        one.place == COOKIE or one.word for way in operation.credentials for one in way
    )
    is_wrong = first.alike.url.faults or any(True for _ in _missing_headers(operation, headers))
    names_hold = not is_wrong and (at_values or not any(True for _ in _credential_hits(first, headers, None)))
    typed = [one for one in operation.parameters if one.place == HEADER and one.schema]
    return names_hold, at_values, _placed(headers, 0, typed)


def check_response_headers(subject: Subject) -> Iterator[RawFinding]:
    """Find headers of an answer that are missing, or break their schemas."""
    documented, headers = subject.frame.documented, subject.exchange.response.headers
    for parameter in documented.headers if documented is not None and headers is not None else ():
        given = _header_values(headers, parameter.name)
        if not given:
            if parameter.is_required:
                yield RawFinding(
                    RESPONSE_HEADER_MISSING,
                    f"response-header:{parameter.name}",
                    "a required header",
                    "none",
                    parameter.uri,
                )
            continue
        hits = _value_faults(subject.alike.contract, parameter, given)
        yield from (
            replace(
                hit, rule=RESPONSE_HEADER_INVALID, pointer=hit.pointer.replace("request-", "response-", 1)
            )
            for hit in hits
        )


def response_headers_hold(subjects: list[Subject]) -> bool:
    """Tell that the answers have the headers that they must have, and these what they should."""
    documented, first = subjects[0].alike.frame.documented, subjects[0].exchange
    headers = first.response.headers
    if documented is None or headers is None or not documented.headers:
        return True
    if any(one.is_required and header(headers, one.name) is None for one in documented.headers):
        return False
    return _values_hold(subjects, _placed(headers, len(first.request.headers or ()), documented.headers))


def _placed(headers: Headers | None, start: int, parameters: Iterable[Parameter]) -> Placed:
    """Return parameters that are there with their places; `start` is that of the first of the headers."""
    places: dict[str, tuple[int, ...]] = {}
    for at, (name, _) in enumerate(headers or (), start):
        places[name.lower()] = (*places.get(name.lower(), ()), at)
    return tuple((one, places[one.name.lower()]) for one in parameters if one.name.lower() in places)


def _values_hold(subjects: list[Subject], placed: Placed) -> bool:
    """Tell that values of headers fit their schemas; of several of a name that is not told."""
    contract = subjects[0].alike.contract
    for parameter, (place, *others) in placed:
        texts = {one.header_values[place] for one in subjects}
        each = (((parameter.name, text),) for text in texts)
        if others or any(True for given in each for _ in _value_faults(contract, parameter, given)):
            return False
    return True


def _request_hits(subject: Subject) -> Iterator[RawFinding]:
    contract, operation = subject.alike.contract, subject.operation
    headers = subject.exchange.request.headers
    yield from _missing_headers(operation, headers)
    if subject.alike.url.faults:  # there are some, perhaps others
        yield from read_url(contract, subject.frame.route, subject.exchange.request).faults
    cookies = _cookies(headers)
    for parameter in operation.parameters:
        if parameter.place == HEADER and (given := _header_values(headers, parameter.name)):
            yield from _value_faults(contract, parameter, given)
        elif parameter.place == COOKIE and cookies is not None:
            yield from _faults(contract, parameter, cookies)
    yield from _credential_hits(subject, headers, cookies)


def _missing_headers(operation: Operation, headers: Headers | None) -> Iterator[RawFinding]:
    for required in operation.required_headers if headers is not None else ():
        if not header(headers, required.name):
            yield RawFinding(HEADER_MISSING, required.name, "a required header", "none", required.uri)


def _credential_hits(
    subject: Subject, headers: Headers | None, cookies: Pairs | None
) -> Iterator[RawFinding]:
    """Find that none of the ways to tell who asks was taken, or that one was with another scheme's word."""
    operation = subject.operation
    ways = operation.credentials

    def is_given(one: Credential) -> bool:
        if one.place == QUERY:
            return one.name in subject.alike.url.keys or subject.exchange.request.url is None
        if headers is None or (one.place == COOKIE and cookies is None):
            return True
        if one.place == HEADER:
            return bool(header(headers, one.name))
        return any(name == one.name and value for name, value in cookies or ())

    taken = [way for way in ways if all(map(is_given, way))]
    if ways and not taken:
        own = {required.name for required in operation.required_headers}
        names = " or ".join(" and ".join(one.name for one in way) for way in ways if way)
        lacking = [one for one in ways[0] if not (is_given(one) or (one.place == HEADER and one.name in own))]
        for one in lacking[:1]:
            expected = f"credentials: {names}" if len(ways) > 1 else "the key that `security` demands"
            if one.place == HEADER:
                yield RawFinding(HEADER_MISSING, one.name, expected, "none", one.uri)
            else:
                yield RawFinding(
                    PARAMETER_MISSING, _PREFIXES[one.place] + one.name, expected, "none", one.uri
                )
    yield from _wrong_scheme(header(headers, _AUTHORIZATION) or "", taken)


def _wrong_scheme(said: str, taken: list[tuple[Credential, ...]]) -> Iterator[RawFinding]:
    """Find that an Authorization header is of none of the schemes, where each way that was taken has one."""
    found = [next((one for one in way if one.name == _AUTHORIZATION), None) for way in taken]
    words = [one.word for one in found if one is not None and one.word]
    is_told = said and words and len(words) == len(found) and not _MASK.fullmatch(said)
    if is_told and said.partition(" ")[0].casefold() not in map(str.casefold, words) and found[0] is not None:
        expected = f"credentials of the scheme {' or '.join(dict.fromkeys(words))}"
        pointer = _PREFIXES[HEADER] + _AUTHORIZATION
        yield RawFinding(PARAMETER_INVALID, pointer, expected, "another scheme", found[0].uri)


def _faults(contract: Contract, parameter: Parameter, given: Pairs) -> Iterable[RawFinding]:
    """Return what is wrong with a parameter of a path, a query or cookies."""
    if parameter.place != PATH and not contract.parameters.is_given(parameter, given):
        if not parameter.is_required:
            return ()
        pointer = _PREFIXES[parameter.place] + parameter.name
        return (RawFinding(PARAMETER_MISSING, pointer, "a required parameter", "none", parameter.uri),)
    return _value_faults(contract, parameter, given)


def _value_faults(contract: Contract, parameter: Parameter, given: Pairs) -> Iterator[RawFinding]:
    """Yield how the value of a parameter breaks its schema, once for each place in it."""
    _, errors = contract.parameters.errors(parameter, given)
    if not errors or any(_MASK.fullmatch(unquote(text)) for _, text in given if text):
        return
    said: set[tuple[str | int, ...]] = set()
    pointer = _PREFIXES[parameter.place] + parameter.name
    if errors == [None]:
        actual = f"{sum(len(text) for _, text in given)} characters that are no JSON"
        yield RawFinding(PARAMETER_INVALID, pointer, "JSON", actual, parameter.schema)
        return
    for fault in iter_faults(errors, contract.schemas):
        if fault.tokens not in said:
            said.add(fault.tokens)
            actual = "none" if fault.keyword == "required" else describe_value(fault.instance)
            place, uri = pointer + fold_pointer(fault.tokens), fault.uri or parameter.schema
            yield RawFinding(PARAMETER_INVALID, place, fault.rule_and_words()[1], actual, uri)


def _given_in_url(operation: Operation, path: str, query: Pairs) -> Iterator[tuple[Parameter, Pairs]]:
    """Yield each parameter of a path below a server, or of a query, with the pairs among which it stands."""
    match = operation.path_pattern.fullmatch(path)
    in_path = list(zip(operation.path_names, match.groups(), strict=False)) if match else []
    for one in operation.parameters:
        if one.place == PATH:
            yield one, tuple([pair for pair in in_path if pair[0] == one.name])
        elif one.place == QUERY:
            yield one, query


def _header_values(headers: Headers | None, name: str) -> Pairs:
    """Return a header's value, several fields of the name joined as HTTP lets them be."""
    texts = [value for key, value in headers or () if key.lower() == name.lower()]
    return ((name, ", ".join(texts)),) if texts else ()


def _cookies(headers: Headers | None) -> Pairs | None:
    """Return the cookies of a request, None where they were not recorded as they were."""
    if headers is None:
        return None
    said = "; ".join(value for key, value in headers if key.lower() == "cookie")
    return None if _MASK.fullmatch(said) else split_cookies(said)


def _undocumented(contract: Contract, operation: Operation, query: Pairs) -> Iterator[RawFinding]:
    documented = [one for one in operation.parameters if one.place == QUERY]
    for name in dict.fromkeys(name for name, _ in query):
        if name in contract.keys_in_queries or any(contract.parameters.owns(one, name) for one in documented):
            continue
        pointer = _PREFIXES[QUERY] + describe_name(name)
        yield RawFinding(PARAMETER_UNDOCUMENTED, pointer, "no such parameter", "a parameter", operation.uri)
