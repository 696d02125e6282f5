"""Builds what the reference says from a contract, and from what recordings show of it.

The form of a request that the contract is named after comes first. What describes a member is said where the
member comes first; wherever the same statement describes another one, there is a link to it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace as Shown
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import field

from opay_contract.contract.addresses import OPEN, address, tokens_of
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Body, Field, iter_bodies, iter_fields
from opay_contract.contract.operation import Envelope, OpenQuestion, Operation
from opay_contract.docs.evidence import (
    RunEvidence,
    Seen,
    code_seen,
    describe_findings,
    form_seen,
    header_seen,
    iter_fields_seen,
    other_statuses_seen,
    status_seen,
    unknown_codes_seen,
)
from opay_contract.judge.gap_table import MIN_OBSERVATIONS
from opay_contract.model.finding import Outcome
from opay_contract.report.findings import CitedSource, cite
from opay_contract.report.samples import build_samples, parameters_of
from opay_contract.words import count

SECTIONS = ("overview", "how-to-sign", "open-questions", "what-recordings-say", "sensitivity", "sources")
"""The anchors of what is there once, beside the calls."""

_OUTCOMES = {None: "", Outcome.SUCCESS: " with success", Outcome.BUSINESS_ERROR: " with an error"}
_UNKNOWN_CODE = "code-undocumented"
_OBSERVED_OR_DOCUMENTED = ("DOC", "OBS")
_JSON_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}

_DEEPEST = 6
"""Levels of members that are indented; deeper ones stand below each other."""
_SPANS = (
    ("character", "minLength", "maxLength"),
    ("item", "minItems", "maxItems"),
    ("", "minimum", "maximum"),
)
_WORDS = {
    "pattern": "",
    "const": "always ",
    "format": "format ",
    "x-unit": "unit ",
    "x-unique-by": "no two with the same ",
}
"""What stands in front of a keyword's value where it is told."""


def build_reference(contract: Contract, evidence: RunEvidence | None) -> Shown:
    """Return what there is to say about a contract, and about what recordings show of it.

    Each thing that the page and the Markdown say is a namespace with the names that their templates use.
    `anchors` has where on the page a statement of the contract is said first, by its `file#pointer`.
    """
    return _Writer(contract, evidence).reference()


def anchor_of(reference: Shown, file: str, pointer: str) -> str:
    """Return where the page says a statement, or what is around it; empty where it says neither."""
    at = f"{file}#{pointer}"
    while at not in reference.anchors and "/" in at.partition("#")[2]:
        at = at.rpartition("/")[0]
    return str(reference.anchors.get(at, ""))


def slug(text: str) -> str:
    """Return a text as an anchor, in whatever script it is."""
    return "-".join(re.findall(r"\w+", text.lower()))


class _Writer(msgspec.Struct, frozen=True):
    contract: Contract
    evidence: RunEvidence | None
    described: dict[tuple[str, str], str] = field(default_factory=dict)
    """The anchor of the member at which a statement was said first, by its `file#pointer` and words."""
    anchors: set[str] = field(default_factory=lambda: set(SECTIONS))
    places: dict[str, str] = field(default_factory=dict)
    """The anchor at which a statement is said first, by its `file#pointer`."""

    @property
    def root(self) -> Any:
        return self.contract.schemas.root.value

    def _schemes(self) -> dict[str, Any]:
        schemes: dict[str, Any] = self.root.get("components", {}).get("securitySchemes", {})
        return schemes

    def reference(self) -> Shown:
        signing = (name for name, scheme in self._schemes().items() if "x-signature" in scheme)
        self._say(
            "how-to-sign",
            *(
                address(self.contract.schemas.root.name, "components", "securitySchemes", name)
                for name in signing
            ),
        )
        info = self.root.get("info", {})
        title = str(info.get("title", "API"))
        ordered = sorted(
            self.contract.operations, key=lambda one: not any(form.title in title for form in one.forms)
        )
        operations = tuple(self._operation(operation, title) for operation in ordered)
        return Shown(
            title=title,
            version=str(info.get("version", "")),
            summary=info.get("summary", ""),
            description=info.get("description", ""),
            evidence=self.evidence,
            servers=tuple(self._servers()),
            operations=operations,
            signature=self._signature(operations),
            questions=tuple(self._questions()),
            sources=cite(self.root, self.root.get("x-sources", {})),
            sensitivity=tuple(self.root.get("x-sensitivity-classes", {}).items()),
            anchors=self.places,
        )

    def _anchor(self, text: str) -> str:
        anchor = base = slug(text)
        number = 2
        while anchor in self.anchors:
            anchor, number = f"{base}-{number}", number + 1
        self.anchors.add(anchor)
        return anchor

    def _say(self, anchor: str, *uris: str | None) -> str:
        for uri in filter(None, uris):
            at = unquote(uri.removeprefix(OPEN))
            self.places.setdefault(at if "#" in at else f"{at}#", anchor)
        return anchor

    def _sources(self, node: Any) -> tuple[CitedSource, ...]:
        return cite(self.root, node.get("x-source", ()))

    def _servers(self) -> Iterator[Shown]:
        for server in self.root.get("servers", []):
            yield Shown(
                url=server["url"],
                environment=server.get("x-environment", ""),
                description=server.get("description", ""),
                sources=self._sources(server),
            )

    def _operation(self, operation: Operation, title: str) -> Shown:
        node = self.contract.schemas.node(operation.uri)
        envelope, evidence = operation.envelope, self.evidence
        found = [
            finding
            for finding in (evidence.about(envelope.codes_uri) if evidence and envelope else ())
            if finding.rule.id == _UNKNOWN_CODE
        ]
        headers = (header.uri for header in operation.required_headers)
        anchor = self._say(self._anchor(operation.id), operation.uri, *headers)
        self._say(f"{anchor}-codes", envelope.codes_uri if envelope and envelope.codes else None)
        return Shown(
            anchor=anchor,
            operation=operation,
            summary=node.get("summary", ""),
            description=node.get("description", ""),
            calls=tuple(self._calls(operation, node, title)),
            without_form=form_seen(evidence, operation, "")[0] if evidence and operation.forms else None,
            parameters=tuple(self._parameters(operation)),
            statuses=tuple(self._statuses(operation, node)),
            codes=tuple(self._codes(operation, envelope)) if envelope else (),
            other_codes=tuple(
                _row(name=value, meaning="Not in the catalogue.", seen=seen)
                for value, seen in unknown_codes_seen(evidence, operation, envelope).items()
            )
            if found and evidence and envelope
            else (),
            other_codes_found=describe_findings(found),
        )

    def _calls(self, operation: Operation, node: Any, title: str) -> Iterator[Shown]:
        bodies = list(iter_bodies(operation))
        forms = {form["id"]: form for form in node.get("x-forms", [])} or {"": node}
        examples = dict(_iter_examples(node.get("responses", {}).values()))
        for id_, form in sorted(forms.items(), key=lambda item: item[1].get("title", "") not in title):
            of_form = [body for body in bodies if body.form == id_]
            schema = self.contract.schemas.node(of_form[0].schema) if id_ else None
            said = schema if isinstance(schema, dict) else {}
            name = form["title"] if id_ else f"{operation.method} {operation.path}"
            seen, outcomes = form_seen(self.evidence, operation, id_) if self.evidence and id_ else (None, {})
            yield Shown(
                anchor=self._anchor(name),
                title=name,
                operation=operation,
                description=said.get("description", "") if id_ else node.get("summary", ""),
                sources=self._sources(form) if id_ else (),
                bodies=tuple(
                    self._body(operation, body, name, fields)
                    for body in of_form
                    if (fields := tuple(iter_fields(self.contract.schemas, body.schema)))
                ),
                samples=build_samples(self.contract, operation, id_, parameters_of(self.contract, operation)),
                examples=tuple(self._examples(examples, of_form)),
                seen=seen,
                outcomes=outcomes,
            )

    def _body(self, operation: Operation, body: Body, call: str, fields: Sequence[Field]) -> Shown:
        outcome = body.outcome
        title = "Request" if body.in_request else "Answer"
        if not body.form and not body.in_request:
            title += f" {body.title.rpartition(', ')[2]}"  # its HTTP status
        title += _OUTCOMES[outcome]
        anchor = self._say(self._anchor(f"{call}: {title}"), body.schema)
        seen: Iterable[Seen | None] = [None] * len(fields)
        if self.evidence:
            outcomes = [outcome] if outcome else Outcome
            seen = iter_fields_seen(self.contract, self.evidence, operation, body, fields, outcomes)
        members = tuple(map(self._member, fields, [anchor] * len(fields), seen))
        self._say(anchor, *(one.rpartition("/properties/")[0] for each in fields for one in each.statements))
        return Shown(
            anchor=anchor,
            title=title,
            when=_success_codes(operation.envelope) if operation.envelope and outcome else (),
            is_otherwise=outcome is Outcome.BUSINESS_ERROR,
            members=members,
            is_unseen=self.evidence is not None and not any(member.seen for member in members),
        )

    def _member(self, member: Field, body: str, seen: Seen | None) -> Shown:
        nodes = [self._statement(statement) for statement in member.statements]
        anchor = self._say(self._anchor(f"{body} {member.pointer}"), *member.statements)
        says, description = _most_specific(nodes)
        first = self.described.setdefault((says, description), anchor)
        names = [name for name in member.pointer.split("/")[1:] if name != "*"]
        return Shown(
            anchor=anchor,
            pointer=member.pointer,
            name=names[-1].replace("~1", "/").replace("~0", "~"),
            depth=min(len(names), _DEEPEST),
            types=" or ".join(name for name in member.types if name in _JSON_TYPES),
            required={"yes": "required", "no": "optional"}.get(
                member.required, f"required {member.required}"
            ),
            limits=tuple(_iter_limits([node for _, node in nodes])),
            sensitivity=member.sensitivity or "",
            description=description,
            sources=cite(self.root, member.sources, names[-1]),
            same_as="" if first == anchor else first,
            seen=seen if seen and (seen.of or seen.findings) else None,
        )

    def _statement(self, statement: str) -> tuple[str, dict[str, Any]]:
        file, _, place = statement.partition("#")
        node = self.contract.schemas.node(address(file, *tokens_of(place)))
        return statement, node if isinstance(node, dict) else {}

    def _examples(self, left: dict[str, Any], bodies: Sequence[Body]) -> Iterator[Shown]:
        """Yield the answers that fit one of the bodies and were not shown with an earlier call."""
        answers = [self.contract.schemas.validator(body.schema) for body in bodies if not body.in_request]
        for title, example in list(left.items()):
            if any(answer.is_valid(example["value"]) for answer in answers):
                del left[title]
                yield Shown(
                    title=title,
                    text=json.dumps(example["value"], indent=2, ensure_ascii=False),
                    sources=self._sources(example),
                )

    def _parameters(self, operation: Operation) -> Iterator[Shown]:
        """Yield what a request has beside its body: parameters, and headers that other statements require."""
        headers = {one.name.lower(): one for one in operation.required_headers}
        for said in parameters_of(self.contract, operation):
            required = headers.pop(said["name"].lower(), None) if said["in"] == "header" else None
            yield _row(
                name=said["name"],
                kind=f"{said['in']}{'' if said.get('required') else ', optional'}",
                meaning=said.get("description", ""),
                sensitivity=said.get("schema", {}).get("x-sensitivity", ""),
                sources=self._sources(said),
                seen=header_seen(self.evidence, operation, required) if self.evidence and required else None,
            )
        for header in headers.values():
            said = self.contract.schemas.node(header.uri)
            meaning = said.get("description", "")
            if "x-signature" in said:
                meaning = "The signature of the body, see [How to sign](#how-to-sign)."
            elif header.name == "Content-Type":
                meaning = ", ".join(f"`{name}`" for name in said)
            yield _row(
                name=header.name,
                kind="header",
                meaning=meaning,
                sources=self._sources(said),
                seen=header_seen(self.evidence, operation, header) if self.evidence else None,
            )

    def _statuses(self, operation: Operation, node: Any) -> Iterator[Shown]:
        for status, response in node.get("responses", {}).items():
            yield _row(
                name=str(status),
                meaning=response.get("description", ""),
                sources=self._sources(response),
                seen=status_seen(self.evidence, operation, status) if self.evidence else None,
            )
        others = other_statuses_seen(self.evidence, operation) if self.evidence else {}
        for status, seen in others.items():
            yield _row(name=status, meaning="Not in the contract.", seen=seen)

    def _codes(self, operation: Operation, envelope: Envelope) -> Iterator[Shown]:
        for known in envelope.codes.values():
            said = self.contract.schemas.node(known.uri)
            failure = said.get("means", "failure").replace("-", " ")
            yield _row(
                name=known.code,
                kind="success" if known.code in envelope.success else failure,
                messages=known.messages,
                sources=self._sources(said),
                seen=code_seen(self.evidence, operation, envelope, known) if self.evidence else None,
            )

    def _signature(self, operations: Sequence[Shown]) -> Shown | None:
        scheme = next((scheme for scheme in self._schemes().values() if "x-signature" in scheme), None)
        if scheme is None:
            return None
        signature = scheme["x-signature"]
        canonical = signature["canonical-json"]
        samples = (sample for one in operations for call in one.calls for sample in call.samples)
        return Shown(
            description=scheme.get("description", ""),
            facts=(
                ("Algorithm", (f"`{signature['algorithm']}`",)),
                ("Key", (signature["key"],)),
                ("Signed text", (f"{signature['input']}, as canonical JSON",)),
                ("Keys sorted", ("yes" if canonical["sort-keys"] else "no",)),
                ("Separators", (f"`{canonical['item-separator']}`", f"`{canonical['key-separator']}`")),
                ("Slashes escaped", ("yes" if canonical["escape-slashes"] else "no",)),
                (
                    "Text outside ASCII",
                    (*(f"`{form}`" for form in canonical["non-ascii"]), "first by default"),
                ),
                ("Encoding", (f"`{signature['encoding']}`",)),
                ("Header", (f"`{signature['header']}: {signature['prefix']}<signature>`",)),
            ),
            sources=self._sources(signature),
            example=next((sample for sample in samples if sample.signature), None),
        )

    def _questions(self) -> Iterator[Shown]:
        for question in self.contract.questions:
            raw = self.contract.schemas.node(question.at.uri)
            answer = self.evidence.answer(question.id) if self.evidence else None
            counts = dict(answer.counts) if answer else {}
            readings = tuple(
                Shown(
                    id=reading.id,
                    statement=reading.statement,
                    is_assumed=reading.assumed,
                    is_shown_by_recordings=bool(reading.evidence),
                    sources=self._sources(node),
                    times=counts.get(reading.id) if reading.evidence else None,
                )
                for reading, node in zip(question.readings, raw["readings"], strict=True)
            )
            sourced = [one for one in readings if any(s.mark in _OBSERVED_OR_DOCUMENTED for s in one.sources)]
            yield Shown(
                id=question.id,
                question=question.question,
                about=tuple(uri.removeprefix(OPEN) for uri in question.about),
                readings=readings,
                is_contradicted=len(sourced) > 1,
                verdict=verdict_on(self.evidence, question) if self.evidence else "",
            )


def verdict_on(evidence: RunEvidence, question: OpenQuestion) -> str:
    """Return what recordings say about a question, as Markdown: the reading that holds alone over enough."""
    if not any(reading.evidence for reading in question.readings):
        return "cannot be shown by recordings"
    answer = evidence.answer(question.id)
    seen = [f"`{reading}`" for reading, times in answer.counts if times]
    if answer.verdict is not None:
        return f"verdict: `{answer.verdict}` holds alone over {answer.observations:,} observations"
    if len(seen) == 1:
        few = f"{answer.observations:,} of the {MIN_OBSERVATIONS} observations that a verdict takes"
        return f"no verdict: {seen[0]} alone was seen, with {few}"
    return f"no verdict: {' and '.join(seen)} were seen" if seen else "nothing was seen that speaks to it"


def _row(**said: Any) -> Shown:
    """Return a parameter, a header, a status or a business code: what it means, and what was seen of it."""
    empty = {"kind": "", "meaning": "", "sensitivity": "", "messages": (), "sources": (), "seen": None}
    return Shown(**empty | said)


def _success_codes(envelope: Envelope) -> tuple[str, ...]:
    known = [code for code in envelope.codes if code in envelope.success]
    return (*known, *sorted(envelope.success.difference(known)))


def _most_specific(nodes: Sequence[tuple[str, dict[str, Any]]]) -> tuple[str, str]:
    """Return the statement that describes a member, and its words: the last of several schemas with it.

    What an outer schema says of a member stands after what it refers to says; what a member refers to
    stands after the member itself.
    """
    says, words, is_open = nodes[0][0], "", True
    for statement, node in nodes:
        is_open = is_open or "properties" in statement.split("/")[-2:]
        if is_open and "description" in node:
            says, words, is_open = statement, str(node["description"]), False
    return says, words


def _iter_examples(described: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for one in described:
        for media in one.get("content", {}).values():
            for name, example in media.get("examples", {}).items():
                if "value" in example:
                    yield example.get("summary", name), example


def _iter_limits(nodes: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield in words, as Markdown, what the schemas of a member say about its values."""
    said = {keyword: value for node in reversed(nodes) for keyword, value in node.items()}
    for noun, least, greatest in _SPANS:
        if least in said or greatest in said:
            yield _span(said.get(least), said.get(greatest), noun)
    if "enum" in said:
        yield f"one of {', '.join(f'`{value}`' for value in said['enum'])}"
    yield from (f"{words}`{said[keyword]}`" for keyword, words in _WORDS.items() if keyword in said)


def _span(least: Any, greatest: Any, noun: str) -> str:
    words = (lambda number: count(number, noun)) if noun else str
    if least == greatest:
        return words(least)
    if least is None:
        return f"at most {words(greatest)}"
    return f"at least {words(least)}" if greatest is None else f"{least} to {words(greatest)}"
