"""Writes values as YAML or JSON in the notation of the text around them."""

import json
import re
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*[.;]?")
_NOT_TEXT = re.compile(r"(null|true|false|yes|no|on|off|y|n)", re.IGNORECASE)
_WIDTH = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Notation:
    """How a text writes values: as JSON or YAML, with which indentation and line ends.

    `padding` stands inside the braces of an object that is written in one line.
    """

    is_json: bool
    step: str = "  "
    newline: str = "\n"
    padding: str = ""

    def name(self, name: str) -> str:
        """Return the name of a member."""
        return self.inline(name)

    def inline(self, value: Any) -> str:
        """Return a value in one line."""
        if isinstance(value, dict):
            members = ", ".join(f"{self.name(name)}: {self.inline(one)}" for name, one in value.items())
            return f"{{{self.padding}{members}{self.padding}}}" if value else "{}"
        if isinstance(value, list):
            return f"[{', '.join(map(self.inline, value))}]"
        if isinstance(value, str) and not self.is_json:
            return _yaml_text(value)
        return json.dumps(value, ensure_ascii=False)

    def braced(self, value: Any, indent: str | None) -> str:
        """Return a value in braces, with a line for each member where one line would not do.

        `indent` is that of the line on which it begins, None where everything goes into this line.
        """
        if indent is None or not self._takes_lines(value):
            return self.inline(value)
        inner = indent + self.step
        if isinstance(value, dict):
            lines = [f"{inner}{self.name(name)}: {self.braced(one, inner)}" for name, one in value.items()]
        else:
            lines = [inner + self.braced(one, inner) for one in value]
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        return self.newline.join([opening, f",{self.newline}".join(lines), f"{indent}{closing}"])

    def block(self, value: dict[str, Any], indent: str) -> str:
        """Return the members of a mapping as YAML, a line each, deeper mappings below their names."""
        return self.newline.join(
            f"{indent}{self.name(name)}:{self.newline}{self.block(one, indent + self.step)}"
            if isinstance(one, dict) and one
            else f"{indent}{self.name(name)}: {self.inline(one)}"
            for name, one in value.items()
        )

    def _takes_lines(self, value: Any) -> bool:
        if isinstance(value, list):
            return any(isinstance(one, dict | list) for one in value)
        return isinstance(value, dict) and (len(value) > 1 or len(self.inline(value)) > _WIDTH)


def _yaml_text(text: str) -> str:
    """Return text without quotes where every reader of YAML takes it for text, else in single quotes."""
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text):
        return text
    return json.dumps(text) if not text.isprintable() else "'" + text.replace("'", "''") + "'"
