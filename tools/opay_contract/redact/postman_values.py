"""What becomes of each value in a Postman collection or a Newman report, of the messages in it first."""

import json
import re
from typing import Any

from opay_contract.formats.content_coding import encode_body
from opay_contract.jsontext import Tokens
from opay_contract.judge.describing import describe_name
from opay_contract.redact.entries import EntryVisitor, text_of, value_at
from opay_contract.redact.postman_messages import Message, iter_messages
from opay_contract.redact.redactor import Redacted, Redactor

_SCHEMA = re.compile(
    r"https://schema\.(?:get)?postman\.com/json/collection/v[0-9]\.[0-9]\.[0-9](?:/collection\.json)?"
)
_PORT = re.compile("[0-9]{1,5}")
_FIELD_LINE = re.compile(r"([^:\r\n]*)(:[ \t]*)?([^\r\n]*)([\r\n]*)")
_BUFFER = ("stream", "data")


class PostmanVisitor(EntryVisitor):
    """Redacts the messages in a value as such, and everything around them as free text.

    `answers` are those that the reader of the format made something of, by their place.
    """

    def __init__(self, redactor: Redactor, tree: Any, answers: dict[Tokens, Redacted]) -> None:
        super().__init__(redactor, tree, None)
        given = {tokens: Message(side="response", redacted=answer) for tokens, answer in answers.items()}
        self._messages = dict(iter_messages(redactor, tree)) | given

    def text(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text."""
        message, rest = self._message_at(tokens)
        made = None if message is None else self._message_text(message, rest, tokens, value)
        return super().text(tokens, value) if made is None else made

    def number(self, tokens: Tokens, token: str) -> str:
        """Return what takes the place of a number: a size fits the new body; a header may have one."""
        message, rest = self._message_at(tokens)
        if message is not None and rest == ("responseSize",):
            old, new = message.redacted.old.response.body, message.redacted.new.response.body
            return str(len(new)) if token == str(len(old)) else super().number(tokens, token)
        if message is not None and rest[:1] == ("header",) and rest[2:] == ("value",):
            made = self._field_value(message, tokens, token)
            return made if made.isdigit() and made[:1] != "0" else super().number(tokens, token)
        return super().number(tokens, token)

    def subtree(self, tokens: Tokens) -> str | None:
        """Return what takes the place of scripts, of bytes listed as numbers, and of a URL in parts."""
        message, rest = self._message_at(tokens)
        if message is not None and rest == _BUFFER and isinstance(self._value(tokens), list):
            return json.dumps(list(_stored(message.redacted, self._value(tokens))), separators=(",", ":"))
        if message is not None and rest == ("url",) and isinstance(message.url, str):
            return None if isinstance(self._value(tokens), str) else json.dumps(message.url)
        if tokens[-1:] == ("data",) and self._may_be_buffer(tokens):
            return self._emptied(tokens, "body")
        if tokens[-2:] == ("script", "exec"):
            return self._emptied(tokens, "script")
        return super().subtree(tokens)

    def _message_at(self, tokens: Tokens) -> tuple[Message | None, Tokens]:
        """Return the innermost message that a place is in, and the way to the place from there."""
        for end in range(len(tokens), -1, -1):
            if tokens[:end] in self._messages:
                return self._messages[tokens[:end]], tokens[end:]
        return None, ()

    def _message_text(self, message: Message, rest: Tokens, tokens: Tokens, value: str) -> str | None:
        """Return what takes the place of a text of a message, None for one that is not part of it."""
        match rest:
            case ("url", *_) if isinstance(new := value_at(message.url, rest[1:]), str):
                return self._redactor.noted(new, value, "url", "URL")
            case ("url", "query", int()):
                return self._redactor.noted(self._query(value), value, "url", "URL")
            case ("url", "query", int(), "key"):
                return self._redactor.noted(self._redactor.urls.segment(value), value, "url", "URL")
            case ("url", "query", int(), "value"):
                key = self._value((*tokens[:-1], "key"))
                name = key if isinstance(key, str) and describe_name(key) == key else "x"
                made = self._query(f"{name}={value}")[len(name) + 1 :]
                return self._redactor.noted(made, value, "url", "URL")
            case ():
                return self._redactor.noted(str(message.url), value, "url", "URL")
            case ("header", *_):
                return self._header_text(message, rest, tokens, value)
            case ("method",):
                return self._redactor.method(value)
            case ("body", "raw") if message.side == "request" and message.redacted.new.request.body:
                return text_of(message.redacted.new.request.body)
            case ("body",) if message.side == "response":
                return text_of(message.redacted.new.response.body)
        return None

    def _header_text(self, message: Message, rest: Tokens, tokens: Tokens, value: str) -> str | None:
        fields = self._redactor.fields
        if rest[2:] == ("key",):
            return self._redactor.noted(fields.name(value), value, "recording:header", "member name")
        if rest[2:] == ("value",):
            return self._field_value(message, tokens, value)
        if len(rest) > 2:  # noqa: PLR2004  a description and the like
            return None
        if ":" not in value:
            return self._redactor.noted(
                self._redactor.values.texts.redact(value), value, "recording:header", "free text"
            )
        lines = (match for match in _FIELD_LINE.finditer(value) if match[0])
        made = [
            f"{fields.name(name)}{colon}{self._header(message, name, text) if colon else ''}{end}"
            for name, colon, text, end in (match.groups(default="") for match in lines)
        ]
        return "".join(made)

    def _query(self, query: str) -> str:
        return self._redactor.urls.redact("/?" + query)[2:]

    def _field_value(self, message: Message, tokens: Tokens, value: str) -> str:
        name = self._value((*tokens[:-1], "key"))
        return self._header(message, name if isinstance(name, str) else "", value)

    def _header(self, message: Message, name: str, value: str) -> str:
        return self._redactor.header(message.redacted, message.side, name.strip(), value)

    def _may_be_buffer(self, tokens: Tokens) -> bool:
        """Tell whether a place holds bytes as Node writes them; where nothing can be read it may."""
        is_known = self._tree is not None
        return not is_known or tokens[-2:] == _BUFFER or self._value((*tokens[:-1], "type")) == "Buffer"

    def _emptied(self, tokens: Tokens, what: str) -> str:
        if self._value(tokens):
            self._redactor.log.add(what, self._place(tokens))
        return "[]"

    def _value(self, tokens: Tokens) -> Any:
        return value_at(self._tree, tokens)

    def _other(self, tokens: Tokens, value: str) -> str:
        """Return what takes the place of a text that is in no message: a value goes by its key."""
        redactor = self._redactor
        if _SCHEMA.fullmatch(value) or (tokens[-1:] == ("port",) and _PORT.fullmatch(value)):
            return value
        if tokens[-1:] == ("key",):
            return redactor.values.name(value, 0)
        key = self._value((*tokens[:-1], "key")) if tokens[-1:] == ("value",) else None
        if isinstance(key, str) and key in redactor.values.sensitivity.by_name:
            return redactor.urls.value(key, value)
        return super()._other(tokens, value)


def _stored(redacted: Redacted, listed: Any) -> bytes:
    """Return the new body in the content codings that the old one was kept in."""
    old, new = redacted.old.response, redacted.new.response
    return new.body if bytes(listed) == old.body else encode_body(new.body, old.headers)
