"""Rewrites a body: values by the contract's table, and broken text so that it is broken in the same way."""

import re
from dataclasses import dataclass

from opay_contract.formats.bounds import excess, stand_in
from opay_contract.formats.json_text import read_text, rewrite_json
from opay_contract.jsontext import NotJson, Parsed, Tokens, parse_json
from opay_contract.judge.annotations import Annotations
from opay_contract.redact.cards import card_hits, stand_in_number
from opay_contract.redact.sensitivity import PUBLIC, Statement
from opay_contract.redact.texts import FREE_TEXT
from opay_contract.redact.values import Log, Values

_JSON_BEGINS = ("{", "[", '"')
_BYTE_ORDER_MARK = "\ufeff"
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyContext:
    """What is known about a body: what the contract says about its places, and when it was recorded."""

    described: Annotations | None
    recorded: float
    prefix: str


class Bodies:
    """Rewrites bodies, and notes in a log what was replaced in them."""

    def __init__(self, values: Values, log: Log) -> None:
        self._values = values
        self._log = log

    def redact(self, body: bytes, context: BodyContext) -> bytes:
        """Return the body with everything sensitive replaced."""
        too_much = excess(body)
        if too_much is not None:
            made = stand_in(too_much)
            if made != body:
                self._log.add("body of too many values", context.prefix)
            return made
        text, errors = _decoded(body)
        parsed = parse_json(body)
        mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
        rest = text.removeprefix(mark)
        if isinstance(parsed, NotJson) and not rest.lstrip().startswith(_JSON_BEGINS):
            new = self._plain(rest, context)
        else:
            new = rewrite_json(rest, self._visitor(context, parsed))
        made = (mark + new).encode(errors=errors)
        if isinstance(parsed, NotJson):
            return self._keep_broken(body, parsed, made)
        return made

    def _visitor(self, context: BodyContext, parsed: Parsed | NotJson) -> "_BodyVisitor":
        broken = isinstance(parsed, NotJson)
        searched = isinstance(parsed, NotJson) or bool(parsed.shadowed)
        statements = self._values.sensitivity.statements(context.described)
        return _BodyVisitor(self._values, self._log, context, statements, searched=searched, broken=broken)

    def _plain(self, text: str, context: BodyContext) -> str:
        new = self._values.texts.redact(text, FREE_TEXT)
        if new != text:
            self._log.add(self._values.texts.found_in(text, FREE_TEXT), context.prefix)
        return new

    def _keep_broken(self, old: bytes, fault: NotJson, new: bytes) -> bytes:
        """Return a body that is no JSON for the same reason, with as many card numbers in it."""
        hits = card_hits(old.decode(errors="replace"))
        made = parse_json(new)
        is_same = isinstance(made, NotJson) and (made.truncated, made.too_deep) == (
            fault.truncated,
            fault.too_deep,
        )
        if is_same and card_hits(new.decode(errors="replace")) == hits:
            return new
        numbers = " x ".join(stand_in_number(self._values.texts.pseudonyms, "0" * length) for length in hits)
        if fault.too_deep:
            return b"[" * 200_000
        return f'{{"x{numbers}'.encode() if fault.truncated else f"{{x {numbers} x}}".encode()


def _decoded(body: bytes) -> tuple[str, str]:
    """Return the text of a body, and how it is written as bytes again.

    Half of a surrogate pair, as a reader of JSON text gives it, is text; any other byte that is no UTF-8
    becomes the same one.
    """
    try:
        return _HALF.sub("\udcff", body.decode(errors="surrogatepass")), "surrogatepass"
    except UnicodeDecodeError:
        return read_text(body), "surrogateescape"


class _BodyVisitor:
    """What becomes of each value of a body."""

    def __init__(  # noqa: PLR0913  what it works with, and what is known of the body
        self,
        values: Values,
        log: Log,
        context: BodyContext,
        statements: dict[Tokens, Statement],
        *,
        searched: bool,
        broken: bool,
    ) -> None:
        self._values, self._log, self._context = values, log, context
        self._statements, self._searched, self._broken = statements, searched, broken

    def _statement(self, tokens: Tokens) -> Statement:
        found = self._statements.get(tokens) or self._values.sensitivity.undescribed(tokens)
        return Statement(None) if self._broken and found.sensitivity == PUBLIC else found

    def text(self, tokens: Tokens, value: str) -> str:
        if self._broken and value in self._values.sensitivity.known_texts:
            return value
        statement = self._statement(tokens)
        new = self._values.text(value, statement, self._context.recorded, searched=self._searched)
        if new != value:
            self._note(statement, tokens)
        return new

    def number(self, tokens: Tokens, token: str) -> str:
        statement = self._statement(tokens)
        new = self._values.number(token, statement, self._context.recorded)
        if new != token:
            self._note(statement, tokens)
        return new

    def name(self, tokens: Tokens, name: str, salt: int) -> str:
        if tokens in self._statements:
            return name
        return self._values.name(name, salt, is_shown=tokens[:-1] in self._statements)

    def renamed(self, tokens: Tokens) -> None:
        self._log.add("member name", self._place(tokens))

    def subtree(self, tokens: Tokens) -> str | None:  # noqa: ARG002  nothing in a body is replaced whole
        return None

    def _note(self, statement: Statement, tokens: Tokens) -> None:
        kind = f"{statement.sensitivity} data" if statement.sensitivity else "undocumented value"
        self._log.add(kind, self._place(tokens))

    def _place(self, tokens: Tokens) -> str:
        return self._context.prefix + "".join(f"/{self._values.texts.say((token,))}" for token in tokens)
