"""Files of other tools that are known and not read: how each is told, and what to do to get a recording.

This table is the one place that knows them. A row is told by the members of its root, or by how it begins.
"""

import re

import msgspec

from opay_contract.formats.look import Head

_RECORD = "record the calls themselves, as a HAR or with 'opay-contract record'"
_MADE_UP = f"it says what a mock is to answer and not what the API did; {_RECORD}"
_REQUESTS = f"it holds requests without answers; {_RECORD}"
_OTHER = "name the recordings alone, or the folder that they are in"


class Foreign(msgspec.Struct, frozen=True):
    """A kind of file, and the way out.

    `members` are alternatives: in each the names that are all there, with spaces between.
    """

    name: str
    way_out: str
    members: tuple[str, ...] = ()
    start: str = ""

    def describe(self) -> str:
        """Return why the file is not read, and what to do."""
        return f"the file is {self.name}, which is not read; {self.way_out}"


BY_MEMBERS = (
    Foreign(
        "a Pact file",
        f"it says what a consumer expects and not what the API answered; {_RECORD}",
        ("consumer provider",),
    ),
    Foreign("a Hoverfly simulation", _MADE_UP, ("data/pairs meta", "data/pairs data/globalActions")),
    Foreign(
        "a WireMock mapping",
        _MADE_UP,
        (
            "request/urlPath",
            "request/urlPattern",
            "request/urlPathPattern",
            "request/urlPathTemplate",
            "response/jsonBody",
            "response/bodyFileName",
            "response/proxyBaseUrl",
            "mappings",
        ),
    ),
    Foreign(
        "a journal of WireMock", _RECORD, ("requests requestJournalDisabled", "request responseDefinition")
    ),
    Foreign("expectations of MockServer", _MADE_UP, ("httpRequest", "httpResponse")),
    Foreign("imposters of mountebank", _MADE_UP, ("imposters", "protocol stubs")),
    Foreign("a file of nock", _MADE_UP, ("[] scope method path",)),
    Foreign(
        "an Insomnia export",
        f"it holds requests without answers; in Insomnia export the response as a HAR, or {_RECORD}",
        ("__export_format",),
    ),
    Foreign(
        "a Postman collection of version 1",
        "import it in Postman and export it as Collection v2.1",
        ("requests order", "requests folders"),
    ),
    Foreign(
        "a backup of Postman",
        "export the collection alone, as Collection v2.1",
        ("collections environments",),
    ),
    Foreign("variables of Postman", _OTHER, ("_postman_variable_scope",)),
    Foreign(
        "a result of Postman's runner",
        "it has no answers' bodies; run the collection with 'newman run -r json'",
        ("results collection_id",),
    ),
    Foreign("a collection of Thunder Client", _REQUESTS, ("clientName", "client collectionName")),
    Foreign("a session of HTTPie", _REQUESTS, ("__meta__ headers", "__meta__ cookies")),
    Foreign("a Charles session", "export it from Charles as a HAR", ("[] scheme host protocolVersion",)),
    Foreign(
        "a network log of Chrome", "save a HAR from the developer tools' network panel", ("constants events",)
    ),
    Foreign("a list of HARs", "write each apart: jq '.[]' FILE > calls.har", ("[] log",)),
    Foreign(
        "an OpenAPI document", "--contract is for contracts; here name recordings", ("openapi", "swagger")
    ),
    Foreign("a SARIF report", _OTHER, ("runs version",)),
    Foreign(
        "a JSON Schema",
        _OTHER,
        ("$schema properties", "$schema type", "$schema $defs", "$schema definitions"),
    ),
    Foreign(
        "a run's summary that 'check --save-summary' wrote",
        "give it to 'compare', 'merge' or 'suggest'",
        ("format version exchanges",),
    ),
    Foreign(
        "a report of 'opay-contract'",
        "give it to 'baseline' with --from; here name recordings",
        ("schema_version summary", "schema_version suggestions"),
    ),
    Foreign(
        "a description of a package",
        _OTHER,
        ("name dependencies", "name devDependencies", "name scripts", "name version main", "lockfileVersion"),
    ),
    Foreign("settings of a compiler", _OTHER, ("compilerOptions",)),
)
"""JSON; a member of a member is `outer/inner`, and `[]` says that they are those of a list's first item."""

_STAMP = r"(?:[0-9:.]{15} )?"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z"
BY_START = (
    Foreign(
        "what 'curl -i' prints",
        "the request is not in it; use 'curl -sv ... > FILE 2>&1'",
        start=r"HTTP/[0-9.]+ [0-9]{3}\b",
    ),
    Foreign(
        "a trace of curl (--trace-ascii)",
        "use 'curl -sv ... > FILE 2>&1'",
        start=_STAMP + r"(?:== Info: |=> Send (?:header|data)|<= Recv )",
    ),
    Foreign(
        "raw HTTP messages, as HTTPie prints them",
        f"use 'curl -sv ... > FILE 2>&1', or {_RECORD}",
        start=r"[A-Z]{3,10} \S+ HTTP/[0-9.]+\r?\n",
    ),
    Foreign(
        "an export of Burp Suite", _RECORD, start=r"<\?xml[^>]*>\s*(?:<!DOCTYPE items\b|<items burpVersion)"
    ),
    Foreign("a JUnit report", _OTHER, start=r"(?:<\?xml[^>]*>\s*)?<testsuites?\b"),
    Foreign("an XML file", _RECORD, start=r"<\?xml\b"),
    Foreign("a web page", _OTHER, start=r"(?i:<!doctype html|<html\b)"),
    Foreign(
        "an Insomnia export",
        f"it holds requests without answers; in Insomnia export the response as a HAR, or {_RECORD}",
        start=r"type: (?:collection|spec)\.insomnia\.rest/",
    ),
    Foreign(
        "an OpenAPI document",
        "--contract is for contracts; here name recordings",
        start=r"(?:#[^\n]*+\n|---[ \t\r]*+\n|\s++)*[\"']?(?:openapi|swagger)[\"']?:",
    ),
    Foreign("code that nock wrote", _MADE_UP, start=r"(?:[^\n]{0,500}\n){0,20}\s*+nock\("),
    Foreign(
        "a packet capture",
        "record at the client or with 'opay-contract record': TLS hides what is in the packets",
        start=r"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\x0a\x0d\x0d\x0a",
    ),
    Foreign(
        "a web server's access log as text",
        "log as JSON lines, with the bodies",
        start=r"[0-9a-fA-F.:]+ \S+ \S+ \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:"
        rf'|\[{_TIME}\] "[A-Z]+ |(?:https?|h2|grpcs|wss?) {_TIME} \S+ ',  # nginx and Apache; Envoy; AWS ALB
    ),
    Foreign("what Wget prints", _RECORD, start=r"--[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}--  https?://"),
    Foreign(
        "what mitmdump prints",
        "keep the flows themselves, with 'mitmdump -w FILE'",
        start=r"[0-9a-fA-F.:\[\]]+: [A-Z]{3,7} https?://",
    ),
    Foreign("an SQLite database", _RECORD, start=r"SQLite format 3\x00"),
)
"""Text and bytes, by how they begin behind white space."""

_BEFORE = rb"(?:\xef\xbb\xbf)?\s*"


def find_foreign(head: Head) -> Foreign | None:
    """Return what a file is by the members of its JSON, or by how its text begins; None for all others."""
    if head.is_bracketed:
        found = head.look.members.keys()
        ways = ((foreign, names.split()) for foreign in BY_MEMBERS for names in foreign.members)
        if foreign := next((foreign for foreign, names in ways if found >= set(names)), None):
            return foreign
    if head.is_json and head.text.startswith(b"{"):  # none begins so; the patterns need not be compiled
        return None
    return next((one for one in BY_START if re.match(_BEFORE + one.start.encode("latin-1"), head.raw)), None)
