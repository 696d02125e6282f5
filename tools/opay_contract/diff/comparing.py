"""Compares two versions of a contract, statement by statement, and says of each change where it is used.

Objects of OpenAPI are compared here by what they mean: operations by method and path, parameters by place and
name, answers by status. Their schemas go to `diff.schemas`. A change of something that many refer to is one
change with many uses.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import field

from opay_contract.contract.addresses import MISSING, Address
from opay_contract.contract.change_kinds import CHANGE_KINDS_BY_ID, Level, Side, Way
from opay_contract.contract.openapi import METHODS
from opay_contract.diff.changes import WHOLE, ContractChange, ContractDiff, Use
from opay_contract.diff.schemas import Comparing, Sense
from opay_contract.diff.statements import Difference, kind_of_words
from opay_contract.diff.versions import FIRST, BothNodes, Node, Version
from opay_contract.jsontext import pointer
from opay_contract.model.finding import key_of

_NOT_PARAMETERS = ("accept", "authorization", "content-type")
_WRITTEN = ("style", "explode", "allowReserved", "allowEmptyValue")
_PARTS_OF_SCHEME = ("type", "name", "in", "scheme", "openIdConnectUrl", "flows")
_PARTS_OF_ROOT = (
    "openapi", "info", "paths", "webhooks", "components", "servers", "security", "x-open-questions",
    "jsonSchemaDialect",
)  # fmt: skip
_PARTS_OF_OPERATION = (
    "operationId", "parameters", "requestBody", "responses", "callbacks", "security", "servers", "x-envelope",
    "x-forms", "x-business-codes",
)  # fmt: skip

_OTHER_NAMES = {
    ("status-removed", "2"): "success-removed",
    ("question-added", ""): "question-opened",
    ("question-removed", ""): "question-settled",
}
"""What is not called added or removed: the kind, and the first letter of its name where that matters."""


class GatheredChange(msgspec.Struct):
    """A change as it is gathered: a difference, and where it is used."""

    difference: Difference
    uses: dict[Use, None] = field(default_factory=dict)
    senses: set[tuple[Way, Sense]] = field(default_factory=set)

    def use(self, use: Use, sense: Sense = Sense.PLAIN) -> None:
        """Note a use, and what the change means there."""
        self.uses[use] = None
        self.senses.add((use.way, sense))

    def level(self, side: Side) -> Level:
        """Return how bad the change is for a side where it is worst."""
        kind, levels = CHANGE_KINDS_BY_ID[self.difference.kind], []
        for way, sense in self.senses:
            if sense is Sense.ASKED:  # whoever the change breaks, one of the two ways round
                levels.append(min(Level.RISKY, max(kind.level(one, back) for one in Side for back in Way)))
            else:
                levels.append(kind.level(side, way.back if sense is Sense.NEGATED else way))
        return max(levels)


def compare_versions(old: Version, new: Version) -> ContractDiff:
    """Return what has changed from one version to the next."""
    comparison = _Comparison(old, new)
    comparison.compare()
    changes = [_finish(found, old, new) for found in comparison.gather()]
    order = {name: number for number, name in enumerate(CHANGE_KINDS_BY_ID)}
    changes.sort(
        key=lambda one: (
            *(-level for level in one.levels.values()),
            order[one.kind.id],
            *(
                (place.file, place.line, place.column) if place else ("", 0, 0)
                for place in (one.new, one.old)
            ),
        )
    )
    return ContractDiff(old=old, new=new, changes=tuple(changes), operations=comparison.operations)


def _finish(found: GatheredChange, old: Version, new: Version) -> ContractChange:
    one = found.difference
    at = one.new if one.new is not None else one.old or Address(FIRST)
    places = (one.old if one.old is not None else one.near, one.new if one.new is not None else one.near)
    return ContractChange(
        kind=CHANGE_KINDS_BY_ID[one.kind],
        old=old.place(places[0]) if places[0] is not None else None,
        new=new.place(places[1]) if places[1] is not None else None,
        was=one.was,
        now=one.now,
        levels={side: found.level(side) for side in Side},
        uses=tuple(found.uses),
        key=key_of(one.kind, "", "", f"{at.file}#{pointer(at.tokens)}", one.value),
        statements=(one.old, one.new),
        value=one.value,
    )


class _Comparison:
    def __init__(self, old: Version, new: Version) -> None:
        self._schemas: Comparing[Use] = Comparing(old, new)
        self._root = BothNodes(*(Node(one, *one.resolve(Address(FIRST))) for one in (old, new)))
        self._found: dict[tuple[Any, ...], GatheredChange] = {}
        self._use = WHOLE
        self.operations = 0

    def gather(self) -> Iterator[GatheredChange]:
        """Yield all changes; those of schemas with the uses that lead to them."""
        for pair, differences in self._schemas.differences.items():
            uses = [*self._schemas.uses(pair)] if differences else []
            for difference in differences:
                found = self._note(difference)
                inside = pointer(difference.step)
                for use, place, sense, only in uses:
                    if {only, difference.only} <= {None, use.way}:
                        found.use(use._replace(pointer=f"{use.pointer}{place}{inside}"), sense)
        yield from (one for one in self._found.values() if one.uses)

    def _note(self, difference: Difference) -> GatheredChange:
        key = (difference.kind, difference.old, difference.new, difference.value)
        return self._found.setdefault(key, GatheredChange(difference))

    def _tell(
        self,
        kind: str,
        old: Node | None,
        new: Node | None,
        words: tuple[str, str] = ("", ""),
        value: str = "",
    ) -> None:
        """Note a change of what is looked at; where one version has nothing, that is where it would be."""
        was, now = (one.at if one is not None and one.is_there else None for one in (old, new))
        near = next((one.at for one in (old, new) if one is not None and not one.is_there), None)
        difference = Difference(kind, was, now, near, *words, value)
        self._note(difference).use(self._use)

    def _at(self, *steps: str, **more: Any) -> None:
        """Say what is looked at within an operation."""
        self._use = self._use._replace(pointer=pointer(steps), **more)

    def _each(
        self,
        stem: str,
        sides: Iterable[Mapping[Any, Node]],
        where: Callable[[Any], Sequence[str]] | None = None,
    ) -> Iterator[tuple[Any, BothNodes]]:
        """Note what is removed or added, and yield what both have; `where` tells the steps to a key."""
        old, new = sides
        for key in dict.fromkeys((*old, *new)):
            if where is not None:
                self._at(*where(key))
            was, now = old.get(key), new.get(key)
            if was is not None and now is not None:
                yield key, BothNodes(was, now)
            elif there := now if was is None else was:
                kind = f"{stem}-{'added' if was is None else 'removed'}"
                if f"{kind}-required" in CHANGE_KINDS_BY_ID and there.of("required").value is True:
                    kind = f"{kind}-required"
                name = str(key[-1] if isinstance(key, tuple) else key)
                kind = _OTHER_NAMES.get((kind, name[:1]), _OTHER_NAMES.get((kind, ""), kind))
                self._tell(kind, was, now, ("", name) if was is None else (name, ""))

    def _texts(self, both: BothNodes, aside: Iterable[str] = ()) -> None:
        """Compare the members of an object that are about nothing but itself."""
        names = {name for node in both if isinstance(node.value, dict) for name in node.value}
        for name in sorted(names.difference(aside), key=str):
            was, now = both.of(name)
            texts = [one.plain() if one.value is not False else "" for one in (was, now)]
            if texts[0] != texts[1]:
                kind = kind_of_words(str(name), *(one.value if one.is_there else None for one in (was, now)))
                self._tell("words-changed" if kind == "keyword-changed" else kind, was, now, value=str(name))

    def _whole(self, both: BothNodes, kind: str, *keywords: str) -> None:
        for keyword in keywords:
            was, now = both.of(keyword)
            if was.plain().lower() != now.plain().lower():
                words = f"{keyword} {was.plain() or 'none'}", f"{keyword} {now.plain() or 'none'}"
                self._tell(kind, was, now, words, value=keyword)

    def _leaves(self, both: BothNodes, kind: str, aside: Iterable[str] = ()) -> None:
        """Note each member that differs, at any depth; words for people are another kind."""
        names = {str(name) for node in both if isinstance(node.value, dict) for name in node.value} - {*aside}
        words = {name for name in names if name == "description" or name.startswith("x-")}
        self._texts(both, {*aside, *names} - words)
        for name in sorted(names - words):
            inner = both.of(name)
            if all(isinstance(one.value, dict) for one in inner):
                self._leaves(inner, kind)
            else:
                self._whole(both, kind, name)

    def _schema(self, both: BothNodes) -> None:
        sides = [one.at if one.is_there else None for one in both]
        if any(sides):
            self._schemas.add(sides[0], sides[1], self._use)

    def _required(self, both: BothNodes, what: str) -> None:
        """Note that something has to be there that had not, or the other way round."""
        was, now = both.of("required")
        if (was.value is True) is not (now.value is True):
            words = ("optional", "required") if now.value is True else ("required", "optional")
            self._tell(f"{what}-became-{words[1]}", was, now, words)

    def compare(self) -> None:
        self._texts(self._root.of("info"))
        self._texts(self._root, _PARTS_OF_ROOT)
        self._servers(self._root)
        self._questions()
        for name, way, inside in (("paths", Way.REQUEST, ""), ("webhooks", Way.RESPONSE, "webhook ")):
            self._items([one.members(name) for one in self._root], way, inside)

    def _items(self, items: list[dict[str, Node]], way: Way, inside: str) -> None:
        """Compare path items; `way` is the one that their requests go."""
        sides = [
            {
                (method, re.sub(r"\{[^{}]*\}", "{}", path)): (path, item, item.of(method))
                for path, item in side.items()
                for method in METHODS
                if item.of(method).is_there
            }
            for side in items
        ]
        for key in dict.fromkeys((*sides[0], *sides[1])):
            self.operations += 1
            both = [side.get(key) for side in sides]
            (path, _, node), *_ = [one for one in reversed(both) if one is not None]
            call = f"{key[0].upper()} {path}"
            self._use = Use(f"{inside}{node.text('operationId') or call}", "", "", "", way)
            was, now = both
            if was is None:
                self._tell("operation-added", None, node, ("", call))
            elif now is None:
                self._tell("operation-removed", node, None, (call, ""))
            else:
                self._operation(BothNodes(was[2], now[2]), BothNodes(was[1], now[1]), (was[0], now[0]))
        self._use = WHOLE
        for path in items[0].keys() & items[1].keys():
            self._texts(BothNodes(items[0][path], items[1][path]), {"parameters", "servers", *METHODS})

    def _operation(self, both: BothNodes, items: BothNodes, paths: tuple[str, str]) -> None:
        use, ids = self._use, both.texts("operationId")
        if ids[0] and ids[0] != ids[1]:
            self._tell("operation-renamed", *both.of("operationId"), ids)
        self._texts(both, _PARTS_OF_OPERATION)
        self._parameters([_parameters(*one) for one in zip(paths, items, both, strict=True)])
        self._at("request", "body")
        bodies = [{"body": one} if one.is_there else {} for one in both.of("requestBody")]
        for _, body in self._each("body", bodies):
            self._required(body, "body")
            self._texts(body, {"required", "content"})
            self._content(body)
        self._responses(both, use.way.back)
        self._use = use
        self._security(both)
        holders = [(node, item, root) for node, item, root in zip(both, items, self._root, strict=True)]
        named = [next((one for one in side if one.of("servers").is_there), side[-1]) for side in holders]
        if any(one.at.tokens for one in named):
            self._servers(BothNodes(*named))
        self._envelope(both, use.way.back)
        self._use = use
        self._forms(both)
        self._use = use
        calls = [
            {
                f"{name} {path}": item
                for name, one in node.members("callbacks").items()
                for path, item in one.members().items()
            }
            for node in both
        ]
        self._items(calls, use.way.back, f"{use.operation} callback ")

    def _parameters(self, sides: list[dict[Any, Node]]) -> None:
        use, names = self._use, {key: one.text("name") for side in sides for key, one in side.items()}
        steps = {"header": "headers"}
        for key, both in self._each(
            "parameter", sides, lambda key: ("request", steps.get(key[0], key[0]), names[key])
        ):
            if key[0] == "path":
                texts = both.texts("name")
                if texts[0] != texts[1]:
                    self._tell("path-parameter-renamed", *both.of("name"), texts)
            else:
                self._required(both, "parameter")
            for keyword in _WRITTEN:
                written = [_written(one, key[0], keyword) for one in both]
                if written[0] != written[1]:
                    words = f"{keyword} {written[0]}", f"{keyword} {written[1]}"
                    self._tell("parameter-style-changed", *both.of(keyword), words, value=keyword)
            self._texts(both, {"name", "in", "required", "schema", "content", *_WRITTEN})
            self._schema(BothNodes(*map(_schema_of, both)))
        self._use = use

    def _content(self, both: BothNodes) -> None:
        types = [
            {name.replace(" ", "").lower(): one for name, one in side.members("content").items()}
            for side in both
        ]
        for _, media_type in self._each("media-type", types):
            self._texts(media_type, {"schema", "encoding"})
            self._whole(media_type, "encoding-changed", "encoding")
            self._schema(media_type.of("schema"))

    def _responses(self, both: BothNodes, way: Way) -> None:
        statuses = [
            {
                status if status == "default" else status.upper(): one
                for status, one in side.members("responses").items()
                if not status.startswith("x-")
            }
            for side in both
        ]
        self._at("response", "status", way=way)
        for status, response in self._each("status", statuses):
            use = self._use
            self._at("response", "status", outcome=status)
            self._texts(response, {"headers", "content", "links"})
            self._whole(response, "link-changed", "links")
            headers = [
                {name.lower(): one for name, one in side.members("headers").items()} for side in response
            ]
            for _, one in self._each("header", headers, lambda name: ("response", "headers", name)):
                self._required(one, "property")
                self._texts(one, {"required", "schema", "content", *_WRITTEN})
                self._schema(BothNodes(*map(_schema_of, one)))
            self._at("response", "body")
            self._content(response)
            self._use = use

    def _security(self, both: BothNodes) -> None:
        self._at("request", "headers", "authorization")
        holders = [
            node if node.of("security").is_there else root
            for node, root in zip(both, self._root, strict=True)
        ]
        schemes = [root.of("components").members("securitySchemes") for root in self._root]
        gone = {one.plain(): name for name, one in schemes[0].items() if name not in schemes[1]}
        renamed = {
            name: gone.get(one.plain(), name) for name, one in schemes[1].items() if name not in schemes[0]
        }
        asked = [
            {_credentials(one, names): one for one in holder.items("security").values()}
            for holder, names in zip(holders, ({}, renamed), strict=True)
        ]
        old, new = (ways or {frozenset(): one} for ways, one in zip(asked, holders, strict=True))
        gone_ways = {way: (node, None) for way, node in old.items() if not any(one <= way for one in new)}
        new_ways = {way: (None, node) for way, node in new.items() if not any(one <= way for one in old)}
        for way, nodes in [*gone_ways.items(), *new_ways.items()]:
            words = " and ".join(f"{name} {scope}".strip() for name, scope in sorted(way)) or "no credentials"
            kind, told = ("security-removed", (words, "")) if nodes[0] else ("security-added", ("", words))
            self._tell(kind, *nodes, told, value=words)
        used = {scheme for side in (old, new) for way in side for scheme, _ in way}
        for name, now in schemes[1].items():
            was = schemes[0].get(renamed.get(name, name))
            if was is not None and renamed.get(name, name) in used:
                scheme = BothNodes(was, now)
                self._texts(scheme, {*_PARTS_OF_SCHEME, "x-signature", "bearerFormat"})
                self._whole(scheme, "security-scheme-changed", *_PARTS_OF_SCHEME)
                self._leaves(scheme.of("x-signature"), "signature-changed")

    def _servers(self, both: BothNodes) -> None:
        sides = [
            {key[0].rstrip("/"): one for key, one in node.items("servers", "url").items()} for node in both
        ]
        for _, server in self._each("server", sides):
            self._whole(server, "server-changed", "variables", "x-environment")
            self._texts(server, {"url", "variables", "x-environment"})

    def _envelope(self, both: BothNodes, way: Way) -> None:
        self._at("response", "body", way=way)
        envelope = both.of("x-envelope")
        self._leaves(envelope, "envelope-changed", ("schema", "error", "success"))
        self._schema(envelope.of("schema"))
        self._schema(envelope.of("error"))
        self._at(*("response", "body", *envelope.new.text("code").split("/")[1:]))
        self._schema(envelope.of("success"))
        for _, code in self._each("code", [one.items("x-business-codes", "code") for one in both]):
            self._whole(code, "code-messages-changed", "messages")
            self._whole(code, "code-meaning-changed", "means")
            self._texts(code, {"code", "messages", "means"})

    def _forms(self, both: BothNodes) -> None:
        self._at("request", "body")
        way, forms = self._use.way, [one.items("x-forms", "id") for one in both]
        common = forms[0].keys() & forms[1].keys()
        orders = [[name for (name,) in side if (name,) in common] for side in forms]
        if orders[0] != orders[1]:
            self._tell(
                "form-order-changed", *both.of("x-forms"), (", ".join(orders[0]), ", ".join(orders[1]))
            )
        for (name,), form in self._each("form", forms):
            use = self._use
            self._at("request", "body", form=name)
            self._texts(form, {"id", "request", "response", "data", "echoes"})
            self._schema(form.of("request"))
            self._at("response", "body", way=way.back)
            self._schema(form.of("response"))
            for _ in self._each("echo", [one.items("echoes", "request", "response") for one in form]):
                pass
            self._use = use

    def _questions(self) -> None:
        sides = [one.items("x-open-questions", "id") for one in self._root]
        for _, question in self._each("question", sides):
            self._texts(question, {"id", "readings", "about"})
            for _, reading in self._each("reading", [one.items("readings", "id") for one in question]):
                self._whole(reading, "assumption-changed", "assumed")
                self._texts(reading, {"id", "assumed"})


def _parameters(path: str, item: Node, operation: Node) -> dict[Any, Node]:
    """Return the parameters of an operation by place and name; those in the path by their order there."""
    order = re.findall(r"\{([^{}]*)\}", path)
    found = {}
    for one in (*item.items("parameters").values(), *operation.items("parameters").values()):
        where, name = one.text("in"), one.text("name")
        if where == "header" and name.lower() in _NOT_PARAMETERS:
            continue
        key = str(order.index(name)) if where == "path" and name in order else name
        found[where, key.lower() if where == "header" else key] = one
    return found


def _written(parameter: Node, where: str, keyword: str) -> Any:
    """Return how a parameter is written, as it is where nothing is said."""
    value = parameter.of(keyword).value
    if value is not MISSING:
        return value
    style = parameter.text("style") or ("form" if where in ("query", "cookie") else "simple")
    return {"style": style, "explode": style == "form"}.get(keyword, False)


def _schema_of(parameter: Node) -> Node:
    """Return the schema of a parameter or a header, whose value may have a media type."""
    for media_type in parameter.members("content").values():
        return media_type.of("schema")
    return parameter.of("schema")


def _credentials(requirement: Node, renamed: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    scopes = {renamed.get(name, name): one.value for name, one in requirement.members().items()}
    listed = {name: stated for name, stated in scopes.items() if isinstance(stated, list)}
    asked = [(name, str(one)) for name, stated in listed.items() for one in stated]
    return frozenset((*((name, "") for name in scopes), *asked))
