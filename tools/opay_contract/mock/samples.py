"""Values of an operation: the examples that a contract gives, and what is made from a schema.

For an answer nobody wrote an example of a value is made, the same for the same seed. Whoever wants every kind
of value has hypothesis for it; this makes one that is sound, and says where it cannot.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from math import ceil
from random import Random
from re import _constants, _parser  # the only reader of regular expressions
from typing import Any

import msgspec

from opay_contract.contract.addresses import MISSING, absolute, below, split_uri, value_below, with_fragment
from opay_contract.contract.contract import Contract
from opay_contract.contract.operation import DocumentedResponse, Form, Operation, is_json
from opay_contract.contract.schemas import Pick, SchemaSet
from opay_contract.jsontext import Tokens

_HTTP_SUCCESS = range(200, 300)


class BodyExample(msgspec.Struct, frozen=True, kw_only=True):
    """An example of a body by its name, which is empty where it has none."""

    name: str
    media_type: str
    value: Any


def success_status(operation: Operation) -> str:
    """Return the key of the response that a success has: the lowest of 200 to 299, else `default`, or any."""
    keys = sorted(operation.responses)
    best = next((key for key in keys if key.startswith("2")), None)
    return best or ("default" if "default" in keys else next(iter(keys), "200"))


def status_number(key: str) -> int:
    """Return an HTTP status of a response's key: `2XX` is 200, and so is `default`."""
    return int(key.upper().replace("X", "0")) if key != "default" else _HTTP_SUCCESS.start


def chosen_media_type(response: DocumentedResponse | None) -> str | None:
    """Return the media type that is answered unless another is asked for: JSON, else the first."""
    types = list(response.media_types) if response is not None else []
    return next(filter(is_json, types), types[0] if types else None)


def response_examples(contract: Contract, operation: Operation, key: str) -> list[BodyExample]:
    """Return the examples of a response: those beside its media types, then those of its schemas."""
    response = operation.responses.get(key)
    found: list[BodyExample] = []
    for media_type, schema in response.media_types.items() if response else ():
        place = below(response.uri, "content", media_type) if response else ""
        found += _given(contract, place, media_type, schema)
    return found


def request_examples(contract: Contract, operation: Operation) -> list[BodyExample]:
    """Return the examples of an operation's request body, in the same order."""
    found: list[BodyExample] = []
    at, body = contract.schemas.resolve(f"{operation.uri}/requestBody")
    for media_type, schema in operation.request_types.items() if body is not MISSING else ():
        found += _given(contract, at.child("content", media_type).uri, media_type, schema)
    return found


def schema_examples(contract: Contract, schema: str | None) -> list[Any]:
    """Return the examples that a schema gives of itself, else those of what it is a reference to."""
    seen: set[str] = set()
    while schema is not None and schema not in seen:
        seen.add(schema)
        node = contract.schemas.find(with_fragment(schema))
        if not isinstance(node, dict):
            break
        if "examples" in node or "example" in node:
            found = node.get("examples", [node.get("example")])
            return list(found) if isinstance(found, list) else []
        named = node.get("$ref")
        schema = absolute(named, split_uri(schema).file) if isinstance(named, str) else None
    return []


def success_examples(contract: Contract, operation: Operation, form: Form | None) -> Iterator[Any]:
    """Yield the examples of successes of an operation, or of one of its forms, each sound by its schema."""
    key = success_status(operation)
    examples = [one.value for one in response_examples(contract, operation, key) if is_json(one.media_type)]
    if form is not None:
        examples = [*schema_examples(contract, form.response), *examples]
    schema = form.response if form is not None else success_schema(operation)
    validator = contract.schemas.validator(schema) if schema else None
    envelope, told = operation.envelope, list[Any]()
    for value in examples:
        is_success = envelope is None or value_below(value, envelope.code) in envelope.success
        if value not in told and is_success and (validator is None or validator.is_valid(value)):
            told.append(value)
            yield value


def success_schema(operation: Operation) -> str | None:
    """Return the address of the schema of a success's body, where there is one."""
    response = operation.responses.get(success_status(operation))
    chosen = chosen_media_type(response)
    return response.media_types[chosen] if response is not None and chosen is not None else None


def _given(contract: Contract, place: str, media_type: str, schema: str | None) -> Iterator[BodyExample]:
    _, node = contract.schemas.resolve(place)
    named = node.get("examples") if isinstance(node, dict) else None
    for name in named if isinstance(named, dict) else ():
        _, example = contract.schemas.resolve(below(place, "examples", name))
        if isinstance(example, dict) and "value" in example:
            yield BodyExample(name=name, media_type=media_type, value=example["value"])
    if isinstance(node, dict) and "example" in node:
        yield BodyExample(name="", media_type=media_type, value=node["example"])
    for value in schema_examples(contract, schema):
        yield BodyExample(name="", media_type=media_type, value=value)


_TRIES = 8
_MAX_DEPTH = 12
_OPTIONAL_DEPTH = 6
"""How deep members that may be left out are made."""

_FIRST_SECOND, _LAST_SECOND = 1_600_000_000, 1_700_000_000
_FORMATS = {
    "date-time": "2024-05-17T10:20:30Z",
    "date": "2024-05-17",
    "time": "10:20:30Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "idn-email": "someone@example.com",
    "hostname": "www.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://www.example.com/",
    "url": "https://www.example.com/",
    "uri-reference": "/example",
    "byte": "dGV4dA==",
    "json-pointer": "/example",
    "regex": "^text$",
}

Nodes = list[tuple[str, dict[str, Any]]]
"""The schemas that describe one value, with their addresses: one, and those that it refers to or adds."""


class DescribedValue(msgspec.Struct, frozen=True, kw_only=True):
    """What schemas describe of a value: where it is, what describes it, whether it is demanded.

    `value` is MISSING where it is left out.
    """

    tokens: Tokens
    nodes: Nodes
    value: Any
    is_required: bool

    def says(self, keyword: str) -> Any:
        """Return what the schemas say by a keyword, None where they say nothing."""
        return _said(self.nodes, keyword)


def picked_by(schemas: SchemaSet, value: Any) -> Pick:
    """Return how to take the branch that a value fits."""

    def pick(uri: str, branches: list[str]) -> str:
        if uri.endswith("/if"):
            return branches[0 if schemas.validator(uri).is_valid(value) else 1]
        return next((one for one in branches if schemas.validator(one).is_valid(value)), branches[0])

    return pick


def iter_described(
    schemas: SchemaSet, uri: str, value: Any, at: Tokens = (), *, is_required: bool = True
) -> Iterator[DescribedValue]:
    """Yield a value, what schemas describe below it, in its order, and what it leaves out; of a list, one."""
    nodes = list(schemas.iter_in_place(uri, picked_by(schemas, value)))
    yield DescribedValue(tokens=at, nodes=nodes, value=value, is_required=is_required)
    if isinstance(value, dict):
        required, known = _required(nodes), (name for _, node in nodes for name in node.get("properties", ()))
        for name in dict.fromkeys([*value, *known]):
            inner, place = _property(nodes, name), (*at, name)
            if inner is not None and name in value:
                yield from iter_described(schemas, inner, value[name], place, is_required=name in required)
            elif inner is not None:
                left_out = list(schemas.iter_in_place(inner, lambda _, branches: branches[0]))
                yield DescribedValue(
                    tokens=place, nodes=left_out, value=MISSING, is_required=name in required
                )
    elif isinstance(value, list) and value and (inner := _item(nodes)) is not None:
        yield from iter_described(schemas, inner, value[0], (*at, 0))


class Sampler:
    """Makes values; what chance decides is decided by the seed."""

    def __init__(self, schemas: SchemaSet) -> None:
        self._schemas, self._random = schemas, Random(0)  # noqa: S311  made-up data
        self._turn = 0
        self._nodes: dict[tuple[str, int], Nodes] = {}

    def sample(self, uri: str, seed: str | float, *, by_example: bool = True) -> Any:
        """Return a value that fits a schema, an example if there is one; MISSING where none is made.

        Without `by_example` objects and lists are put together from the examples of their members.
        """
        validator, self._random = self._schemas.validator(uri), Random(seed)  # noqa: S311
        for self._turn in range(_TRIES):
            value = self._value(uri, 0, by_example=by_example)
            if value is not MISSING and validator.is_valid(value):
                return value
        return MISSING

    def _pick(self, _uri: str, branches: list[str]) -> str:
        return branches[self._turn % len(branches)]

    def _value(self, uri: str, depth: int, *, by_example: bool) -> Any:
        if self._schemas.find(with_fragment(uri)) is False or depth > _MAX_DEPTH:
            return MISSING
        if (uri, self._turn) not in self._nodes:
            self._nodes[uri, self._turn] = list(self._schemas.iter_in_place(uri, self._pick))
        nodes = self._nodes[uri, self._turn]
        kind = self._kind(nodes)
        given = self._given(nodes)
        if given and (by_example or not isinstance(given[0], dict | list)):
            return deepcopy(self._random.choice(given))
        make = {"object": self._object, "array": self._array}.get(kind)
        if make is not None:
            return make(nodes, depth, by_example=by_example)
        return self._leaf(kind, nodes)

    def _given(self, nodes: Nodes) -> list[Any]:
        """Return the values that schemas name themselves, those that say most first."""
        for keyword in ("const", "examples", "example", "enum", "default"):
            found = _said(nodes, keyword)
            if keyword in ("const", "example", "default") and any(keyword in node for _, node in nodes):
                return [found]
            if isinstance(found, list) and found:
                return found
        return []

    @staticmethod
    def _kind(nodes: Nodes) -> str:
        stated = _said(nodes, "type")
        names = [stated] if isinstance(stated, str) else list(stated or ())
        usual = next((one for one in names if one != "null"), names[0] if names else None)
        if usual is not None:
            return str(usual)
        hints = {"properties": "object", "required": "object", "items": "array", "minimum": "number"}
        return next((kind for word, kind in hints.items() if _said(nodes, word) is not None), "string")

    def _object(self, nodes: Nodes, depth: int, *, by_example: bool) -> Any:
        required = _required(nodes)
        names = dict.fromkeys(name for _, node in nodes for name in node.get("properties", ()))
        made: dict[str, Any] = {}
        for name in dict.fromkeys([*names, *sorted(required)]):
            uri = _property(nodes, name)
            stated = self._schemas.find(uri) if uri is not None else {}
            is_hidden = isinstance(stated, dict) and stated.get("writeOnly") is True
            if name not in required and (depth > _OPTIONAL_DEPTH or is_hidden):
                continue
            child = "text" if uri is None else self._value(uri, depth + 1, by_example=by_example)
            if child is not MISSING:
                made[name] = child
            elif name in required:
                return MISSING
        return made

    def _array(self, nodes: Nodes, depth: int, *, by_example: bool) -> Any:
        inner, least, most = _item(nodes), _said(nodes, "minItems") or 0, _said(nodes, "maxItems")
        count = max(1, least) if most is None else min(max(1, least), most)
        made = [
            "text" if inner is None else self._value(inner, depth + 1, by_example=by_example)
            for _ in range(count)
        ]
        return ([] if not least else MISSING) if MISSING in made else made

    def _leaf(self, kind: str, nodes: Nodes) -> Any:
        unit = _said(nodes, "x-unit")
        if unit == "unix-seconds":
            seconds = self._random.randint(_FIRST_SECOND, _LAST_SECOND)
            return str(seconds) if kind == "string" else seconds
        if unit == "month":
            month = self._random.randint(1, 12)
            return f"{month:02}" if kind == "string" else month
        if kind in ("integer", "number"):
            return _number(nodes, kind)
        if kind == "string":
            return self._text(nodes)
        return None if kind == "null" else True

    def _text(self, nodes: Nodes) -> str:
        if _said(nodes, "format") == "uuid":
            digits = f"{self._random.getrandbits(128):032x}"
            return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
        pattern = _said(nodes, "pattern")
        text = _FORMATS.get(_said(nodes, "format"), "text")
        if isinstance(pattern, str):
            try:
                text = self._matching(_parser.parse(pattern))
            except (re.error, OverflowError, RecursionError):  # of another dialect
                text = "text"
        least, most = _said(nodes, "minLength") or 0, _said(nodes, "maxLength")
        return text.ljust(least, "x")[:most]

    def _matching(self, parts: Any) -> str:
        return "".join(self._matching_part(op, argument) for op, argument in parts)

    def _matching_part(self, op: Any, argument: Any) -> str:
        match op:
            case _constants.LITERAL:
                return chr(argument)
            case _constants.ANY | _constants.NOT_LITERAL:
                return "x" if argument != ord("x") else "y"
            case _constants.IN:
                return self._one_of(argument)
            case _constants.MAX_REPEAT | _constants.MIN_REPEAT:
                least, most, inner = argument
                return "".join(self._matching(inner) for _ in range(max(least, min(1, most))))
            case _constants.SUBPATTERN:
                return self._matching(argument[-1])
            case _constants.BRANCH:
                return self._matching(self._random.choice(argument[1]))
        return ""  # an anchor, or a condition that the last check is for

    def _one_of(self, members: Any) -> str:
        if members[0][0] is _constants.NEGATE:
            return next((one for one in "x0-_ A" if not re.match(_class(members[1:]), one)), "~")
        op, argument = self._random.choice(members)
        if op is _constants.RANGE:
            return chr(self._random.randint(*argument))
        return chr(argument) if op is _constants.LITERAL else _CATEGORIES.get(argument, "x")


_CATEGORIES = {
    _constants.CATEGORY_DIGIT: "7",
    _constants.CATEGORY_SPACE: " ",
    _constants.CATEGORY_NOT_DIGIT: "x",
}
_CLASSES = {_constants.CATEGORY_DIGIT: r"\d", _constants.CATEGORY_SPACE: r"\s"}


def _class(members: Any) -> str:
    """Return a class of characters as a regular expression again."""
    written = ""
    for op, argument in members:
        if op in (_constants.RANGE, _constants.LITERAL):
            ends = argument if op is _constants.RANGE else (argument,)
            written += "-".join(re.escape(chr(one)) for one in ends)
        else:
            written += _CLASSES.get(argument, r"\w")
    return f"[{written}]"


def _said(nodes: Nodes, keyword: str) -> Any:
    return next((node[keyword] for _, node in nodes if keyword in node), None)


def _required(nodes: Nodes) -> set[str]:
    return {name for _, node in nodes for name in node.get("required", ()) if isinstance(name, str)}


def _property(nodes: Nodes, name: str) -> str | None:
    """Return the address of what describes a member, the first that says it."""
    found = (below(uri, "properties", name) for uri, node in nodes if name in node.get("properties", {}))
    return next(found, None)


def _item(nodes: Nodes) -> str | None:
    return next((below(uri, "items") for uri, node in nodes if isinstance(node.get("items"), dict)), None)


def _number(nodes: Nodes, kind: str) -> int | float:
    step = _said(nodes, "multipleOf") or (1 if kind == "integer" else 0.5)
    above, under = _said(nodes, "exclusiveMinimum"), _said(nodes, "exclusiveMaximum")
    least = (_said(nodes, "minimum"), None if above is None else above + step)
    most = (_said(nodes, "maximum"), None if under is None else under - step)
    lowest = max((one for one in least if one is not None), default=None)
    highest = min((one for one in most if one is not None), default=None)
    if lowest is None:
        lowest = 1 if highest is None or highest >= 1 else highest - step
    value = ceil(lowest / step) * step
    return int(value) if kind == "integer" or float(value).is_integer() else value
