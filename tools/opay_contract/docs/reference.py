"""What the reference says, in the order in which it says it; templates write it as HTML and as Markdown.

The form of a request that the contract is named after comes first. What describes a member is said where the
member comes first; wherever the same statement describes another one, there is a link to it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from opay_contract.contract.addresses import OPEN, absolute, address
from opay_contract.contract.contract import Contract
from opay_contract.contract.fields import Body, Field, every_branch, iter_bodies, iter_fields
from opay_contract.contract.loading import ROOT, tokens_of
from opay_contract.contract.operation import Envelope, OpenQuestion, Operation
from opay_contract.contract.scopes import branches_of
from opay_contract.docs.evidence import RunEvidence
from opay_contract.docs.samples import Sample, build_samples
from opay_contract.docs.seen import (
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
from opay_contract.words import count

_UNKNOWN_CODE = "code-undocumented"
_OBSERVED_OR_DOCUMENTED = ("DOC", "OBS")


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedSource:
    """Where a statement comes from, with its mark: DOC, OBS or UNKNOWN."""

    mark: str
    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMember:
    """A member of a body.

    `same_as` is the anchor where what describes it was said, empty if that is here. `seen` is None where no
    recording could show it.
    """

    anchor: str
    pointer: str
    name: str
    depth: int
    types: str
    required: str
    limits: tuple[str, ...]
    sensitivity: str
    description: str
    sources: tuple[CitedSource, ...]
    same_as: str
    seen: Seen | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBody:
    """A request, or an answer in one case: with success, or with a business error."""

    anchor: str
    title: str
    when: tuple[str, ...]
    """The business codes in whose case it is; with `is_otherwise`, in the case of every other."""
    is_otherwise: bool
    members: tuple[ShownMember, ...]
    is_unseen: bool
    """Whether there are recordings and none could show any of its members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExample:
    """An answer as the contract has it."""

    title: str
    text: str
    sources: tuple[CitedSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCall:
    """One way to call an operation: a request form, or the operation that has none."""

    anchor: str
    title: str
    operation: Operation
    description: str
    sources: tuple[CitedSource, ...]
    bodies: tuple[ShownBody, ...]
    samples: tuple[Sample, ...]
    examples: tuple[ShownExample, ...]
    seen: Seen | None
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A parameter, a header, a status or a business code: what it means, and what was seen of it."""

    name: str
    kind: str = ""
    meaning: str = ""
    sensitivity: str = ""
    messages: tuple[str, ...] = ()
    sources: tuple[CitedSource, ...] = ()
    seen: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOperation:
    """An operation with its calls, and what all of them have in common."""

    anchor: str
    operation: Operation
    summary: str
    description: str
    calls: tuple[ShownCall, ...]
    without_form: Seen | None
    parameters: tuple[ShownRow, ...]
    statuses: tuple[ShownRow, ...]
    codes: tuple[ShownRow, ...]
    other_codes: tuple[ShownRow, ...]
    other_codes_found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReading:
    """One answer to an open question; `times` is None where recordings cannot show it, or there are none."""

    id: str
    statement: str
    is_assumed: bool
    is_shown_by_recordings: bool
    sources: tuple[CitedSource, ...]
    times: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownQuestion:
    """An open question; its sources contradict each other where two readings have one that says something."""

    id: str
    question: str
    about: tuple[str, ...]
    readings: tuple[ShownReading, ...]
    is_contradicted: bool
    verdict: str
    """What recordings say about it, as Markdown; empty where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownServer:
    """Where the API answers."""

    url: str
    environment: str
    description: str
    sources: tuple[CitedSource, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSignature:
    """How a request is signed, and an example that anyone can repeat, None where there is none."""

    description: str
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    sources: tuple[CitedSource, ...]
    example: Sample | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Everything that the page and the Markdown say."""

    title: str
    version: str
    summary: str
    description: str
    evidence: RunEvidence | None
    servers: tuple[ShownServer, ...]
    operations: tuple[ShownOperation, ...]
    signature: ShownSignature | None
    questions: tuple[ShownQuestion, ...]
    sources: tuple[CitedSource, ...]
    sensitivity: tuple[tuple[str, str], ...]


def build_reference(contract: Contract, evidence: RunEvidence | None) -> Reference:
    """Return what there is to say about a contract, and about what recordings show of it."""
    return _Writer(contract, evidence).reference()


def slug(text: str) -> str:
    """Return a text as an anchor."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


@dataclass(frozen=True, slots=True)
class _Writer:
    contract: Contract
    evidence: RunEvidence | None
    described: dict[tuple[str, str], str] = field(default_factory=dict)
    """The anchor of the member at which a statement was said first, by its `file#pointer` and words."""

    @property
    def root(self) -> Any:
        """What stands in openapi.yaml."""
        return self.contract.schemas.documents[ROOT].value

    def reference(self) -> Reference:
        info = self.root.get("info", {})
        title = str(info.get("title", "API"))
        ordered = sorted(self.contract.operations, key=lambda one: not self._is_subject(one, title))
        operations = tuple(self._operation(operation, title) for operation in ordered)
        return Reference(
            title=title,
            version=str(info.get("version", "")),
            summary=info.get("summary", ""),
            description=info.get("description", ""),
            evidence=self.evidence,
            servers=tuple(self._servers()),
            operations=operations,
            signature=self._signature(operations),
            questions=tuple(self._questions()),
            sources=self._cite(self.root.get("x-sources", {})),
            sensitivity=tuple(self.root.get("x-sensitivity-classes", {}).items()),
        )

    def _is_subject(self, operation: Operation, title: str) -> bool:
        return any(form.title in title for form in operation.forms)

    def _cite(self, names: Iterable[str]) -> tuple[CitedSource, ...]:
        listed = self.root.get("x-sources", {})
        found = ((name, listed.get(name, {})) for name in names)
        return tuple(
            CitedSource(mark=str(entry.get("mark", "UNKNOWN")), name=name, title=str(entry.get("title", "")))
            for name, entry in found
        )

    def _sources(self, node: Any) -> tuple[CitedSource, ...]:
        return self._cite(node.get("x-source", ()))

    def _servers(self) -> Iterator[ShownServer]:
        for server in self.root.get("servers", []):
            yield ShownServer(
                url=server["url"],
                environment=server.get("x-environment", ""),
                description=server.get("description", ""),
                sources=self._sources(server),
            )

    def _operation(self, operation: Operation, title: str) -> ShownOperation:
        node = self.contract.schemas.node(operation.uri)
        envelope, evidence = operation.envelope, self.evidence
        found = [
            folded
            for folded in (evidence.about(envelope.codes_uri) if evidence and envelope else ())
            if folded.finding.rule.id == _UNKNOWN_CODE
        ]
        return ShownOperation(
            anchor=slug(operation.id),
            operation=operation,
            summary=node.get("summary", ""),
            description=node.get("description", ""),
            calls=tuple(self._calls(operation, node, title)),
            without_form=form_seen(evidence, operation, "")[0] if evidence and operation.forms else None,
            parameters=tuple(self._parameters(operation, node)),
            statuses=tuple(self._statuses(operation, node)),
            codes=tuple(self._codes(operation, envelope)) if envelope else (),
            other_codes=tuple(
                ShownRow(name=value, meaning="Not in the catalogue.", seen=seen)
                for value, seen in unknown_codes_seen(evidence, operation, envelope).items()
            )
            if found and evidence and envelope
            else (),
            other_codes_found=describe_findings(found),
        )

    def _calls(self, operation: Operation, node: Any, title: str) -> Iterator[ShownCall]:
        bodies = list(iter_bodies(operation))
        forms = {form["id"]: form for form in node.get("x-forms", [])} or {"": node}
        examples = dict(_iter_examples(node.get("responses", {}).values()))
        for id_, form in sorted(forms.items(), key=lambda item: item[1].get("title", "") not in title):
            of_form = [body for body in bodies if body.form == id_]
            name = form["title"] if id_ else f"{operation.method} {operation.path}"
            seen, outcomes = form_seen(self.evidence, operation, id_) if self.evidence and id_ else (None, {})
            yield ShownCall(
                anchor=slug(name),
                title=name,
                operation=operation,
                description=self._described_by(of_form[0].schema) if id_ else "",
                sources=self._sources(form) if id_ else (),
                bodies=tuple(shown for body in of_form for shown in self._bodies(operation, body, name)),
                samples=build_samples(self.contract, operation, id_, self._parameter_nodes(operation, node)),
                examples=tuple(self._examples(examples, of_form)),
                seen=seen,
                outcomes=outcomes,
            )

    def _described_by(self, schema: str) -> str:
        node = self.contract.schemas.node(schema)
        return str(node.get("description", "")) if isinstance(node, dict) else ""

    def _bodies(self, operation: Operation, body: Body, call: str) -> Iterator[ShownBody]:
        """Yield a request, or an answer once for each outcome that the business code tells apart."""
        envelope = operation.envelope
        if body.in_request or envelope is None:
            kind = "Request" if body.in_request else "Answer"
            if not body.in_request and not body.form:
                kind = f"Answer {body.title.rpartition(', ')[2]}"
            fields = tuple(iter_fields(self.contract.schemas, body.schema, every_branch))
            if fields:
                yield self._body(operation, body, (call, kind), fields, tuple(Outcome))
            return
        for kind, outcome in (
            ("Answer with success", Outcome.SUCCESS),
            ("Answer with an error", Outcome.BUSINESS_ERROR),
        ):
            branches = branches_of(self.contract, envelope, outcome)
            fields = tuple(iter_fields(self.contract.schemas, body.schema, branches))
            yield self._body(operation, body, (call, kind), fields, (outcome,))

    def _body(
        self,
        operation: Operation,
        body: Body,
        names: tuple[str, str],
        fields: Sequence[Field],
        outcomes: tuple[Outcome, ...],
    ) -> ShownBody:
        call, kind = names
        anchor = slug(f"{call} {kind}")
        seen: Iterable[Seen | None] = [None] * len(fields)
        if self.evidence:
            seen = iter_fields_seen(self.contract, self.evidence, operation, body, fields, outcomes)
        has_outcome = len(outcomes) == 1 and operation.envelope is not None
        members = tuple(map(self._member, fields, [anchor] * len(fields), seen))
        return ShownBody(
            anchor=anchor,
            title=kind,
            when=_success_codes(operation.envelope) if operation.envelope and has_outcome else (),
            is_otherwise=has_outcome and outcomes[0] is not Outcome.SUCCESS,
            members=members,
            is_unseen=self.evidence is not None and not any(member.seen for member in members),
        )

    def _member(self, member: Field, body: str, seen: Seen | None) -> ShownMember:
        nodes = [self._statement(statement) for statement in member.statements]
        anchor = f"{body}-{slug(member.pointer)}"
        says, description = _most_specific(nodes)
        first = self.described.setdefault((says, description), anchor)
        names = [name for name in member.pointer.split("/")[1:] if name != "*"]
        return ShownMember(
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
            sources=self._cite(member.sources),
            same_as="" if first == anchor else first,
            seen=seen if seen and (seen.of or seen.findings) else None,
        )

    def _statement(self, statement: str) -> tuple[str, dict[str, Any]]:
        file, _, place = statement.partition("#")
        node = self.contract.schemas.node(address(file, *tokens_of(place)))
        return statement, node if isinstance(node, dict) else {}

    def _examples(self, left: dict[str, Any], bodies: Sequence[Body]) -> Iterator[ShownExample]:
        """Yield the answers that fit one of the bodies and were not shown with an earlier call."""
        answers = [self.contract.schemas.validator(body.schema) for body in bodies if not body.in_request]
        for title, example in list(left.items()):
            if any(answer.is_valid(example["value"]) for answer in answers):
                del left[title]
                yield ShownExample(
                    title=title, text=to_json(example["value"]), sources=self._sources(example)
                )

    def _parameter_nodes(self, operation: Operation, node: Any) -> list[Any]:
        around = self.contract.schemas.node(operation.uri.rpartition("/")[0])
        return [
            self.contract.schemas.node(absolute(one["$ref"], ROOT)) if "$ref" in one else one
            for one in [*around.get("parameters", []), *node.get("parameters", [])]
        ]

    def _parameters(self, operation: Operation, node: Any) -> Iterator[ShownRow]:
        """Yield what a request has beside its body: parameters, and headers that other statements require."""
        headers = {one.name.lower(): one for one in operation.required_headers}
        for said in self._parameter_nodes(operation, node):
            required = headers.pop(said["name"].lower(), None) if said["in"] == "header" else None
            yield ShownRow(
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
            yield ShownRow(
                name=header.name,
                kind="header",
                meaning=meaning,
                sources=self._sources(said),
                seen=header_seen(self.evidence, operation, header) if self.evidence else None,
            )

    def _statuses(self, operation: Operation, node: Any) -> Iterator[ShownRow]:
        for status, response in node.get("responses", {}).items():
            yield ShownRow(
                name=str(status),
                meaning=response.get("description", ""),
                sources=self._sources(response),
                seen=status_seen(self.evidence, operation, status) if self.evidence else None,
            )
        others = other_statuses_seen(self.evidence, operation) if self.evidence else {}
        for status, seen in others.items():
            yield ShownRow(name=status, meaning="Not in the contract.", seen=seen)

    def _codes(self, operation: Operation, envelope: Envelope) -> Iterator[ShownRow]:
        for known in envelope.codes.values():
            yield ShownRow(
                name=known.code,
                kind="success" if known.code in envelope.success else "failure",
                messages=known.messages,
                sources=self._sources(self.contract.schemas.node(known.uri)),
                seen=code_seen(self.evidence, operation, envelope, known) if self.evidence else None,
            )

    def _signature(self, operations: Sequence[ShownOperation]) -> ShownSignature | None:
        schemes = self.root.get("components", {}).get("securitySchemes", {}).values()
        scheme = next((scheme for scheme in schemes if "x-signature" in scheme), None)
        if scheme is None:
            return None
        signature = scheme["x-signature"]
        canonical = signature["canonical-json"]
        samples = (sample for one in operations for call in one.calls for sample in call.samples)
        return ShownSignature(
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

    def _questions(self) -> Iterator[ShownQuestion]:
        for question, raw in zip(self.contract.questions, self.root.get("x-open-questions", []), strict=True):
            answer = self.evidence.answer(question.id) if self.evidence else None
            counts = dict(answer.counts) if answer else {}
            readings = tuple(
                ShownReading(
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
            yield ShownQuestion(
                id=question.id,
                question=question.question,
                about=tuple(uri.removeprefix(OPEN) for uri in question.about),
                readings=readings,
                is_contradicted=len(sourced) > 1,
                verdict=verdict_on(self.evidence, question) if self.evidence else "",
            )


_JSON_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}

_DEEPEST = 6
"""Levels of members that are indented; deeper ones stand below each other."""


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


def to_json(value: Any) -> str:
    """Return a value as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


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


def _span(least: Any, greatest: Any, noun: str) -> str:
    words = (lambda number: count(number, noun)) if noun else str
    if least == greatest:
        return words(least)
    if least is None:
        return f"at most {words(greatest)}"
    return f"at least {words(least)}" if greatest is None else f"{least} to {words(greatest)}"
