"""The settings of a project: the table of keys, the file that they stand in, and what is refused there.

They stand in `[tool.opay-contract]` of the nearest pyproject.toml that has it, in the working folder or
above, or in a file that is named. The commands and the pytest plugin read them here.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import field

from opay_contract.errors import UsageError
from opay_contract.model.finding import Severity
from opay_contract.report import FORMATS
from opay_contract.settings.policy import RulePolicy, build_policy, expand_rules, parse_severity
from opay_contract.tomltext import line_of, parse_toml
from opay_contract.words import did_you_mean

PYPROJECT = "pyproject.toml"
_NAME = "opay-contract"
TABLE = f"tool.{_NAME}"
_TOML_TYPES = {
    str: "a text",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


class ProjectSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a project settled; None, or nothing in it, is what the program does by itself.

    `file` is where the settings stand, `lines` has the line of each key that is set. Paths are absolute, or
    relative to the working folder; in the file they are relative to the file.
    """

    contract: Path | None = None
    base_url: tuple[str, ...] = ()
    fail_on: Severity | None = None
    baseline: Path | None = None
    format: tuple[str, ...] = ()
    docs_url: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    jobs: int | None = None
    file: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    def policy(self) -> RulePolicy:
        """Return which rules count, and how much."""
        return build_policy(self.select, self.ignore, self.severity)


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the table: its name in the file, the option that wins over it, and what it says.

    `parameter` is the name that a command knows the option's value by, and no other value. `default` says
    what holds where nothing is settled. `read` returns the value of what the file has; raises UsageError with
    what is wrong with it.
    """

    name: str
    parameter: str
    example: str
    default: str
    help: str
    read: Callable[[Any, Path], Any]

    @property
    def option(self) -> str:
        """The option that is the same."""
        return f"--{self.name}"

    @property
    def attribute(self) -> str:
        """The name of its value in `ProjectSettings`."""
        return self.name.replace("-", "_")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"expected a text, got {_describe(value)}")
    return value


def _texts(value: Any, _folder: Path | None = None) -> tuple[str, ...]:
    return tuple(map(_text, value if isinstance(value, list) else [value]))


def _path(value: Any, folder: Path) -> Path:
    return folder / _text(value)


def _formats(value: Any, folder: Path) -> tuple[str, ...]:
    found = []
    for text in _texts(value):
        name, equals, file = text.partition("=")
        if name not in FORMATS:
            hint = did_you_mean(name, FORMATS) or f"known are {', '.join(FORMATS)}"
            raise UsageError(f"unknown format '{name}'; {hint}")
        if equals and not file:
            raise UsageError(f"'{text}' names no file after '='")
        found.append(f"{name}={folder / file}" if file not in ("", "-") else name)
    return tuple(found)


def parse_docs_url(text: str) -> str:
    """Return where the reference stands; raises UsageError where a link there could be anything else."""
    scheme, colon, _ = text.partition(":")
    if colon and scheme.lower() not in ("http", "https") and "/" not in scheme:
        raise UsageError(f"'{text}' is neither an http or https URL nor a path")
    return text.partition("#")[0]


def _rules(value: Any, _folder: Path) -> tuple[str, ...]:
    names = _texts(value)
    expand_rules(names)
    return names


def _ignored(value: Any, _folder: Path) -> tuple[str, ...]:
    names = _texts(value)
    build_policy(ignore=names)
    return names


def _severities(value: Any, _folder: Path) -> dict[str, Severity]:
    if not isinstance(value, dict):
        raise UsageError(f"expected a table of rules and severities, got {_describe(value)}")
    found = {name: parse_severity(_text(level)) for name, level in value.items()}
    build_policy(severity=found)
    return found


def _number(value: Any, _folder: Path) -> int:
    if type(value) is not int or value < 1:
        raise UsageError(
            f"expected a number from 1 on, got {value if type(value) is int else _describe(value)}"
        )
    return value


KEYS: tuple[Key, ...] = (
    Key(
        name="contract",
        parameter="contract_dir",
        example='"contract"',
        default="the contract of the package",
        help="File of a contract, of any name, or the folder with openapi.yaml and schemas/; by default the "
        "contract that the package carries.",
        read=_path,
    ),
    Key(
        name="base-url",
        parameter="base_urls",
        example='["https://gw.shop.example/psp"]',
        default="none",
        help="A base URL that answers by the contract, besides its servers. May be repeated.",
        read=_texts,
    ),
    Key(
        name="fail-on",
        parameter="fail_on",
        example='"warning"',
        default="error",
        help="The least severity of a finding that makes the exit code 1.",
        read=lambda value, _folder: parse_severity(_text(value)),
    ),
    Key(
        name="baseline",
        parameter="baseline_file",
        example='"accepted.toml"',
        default="none",
        help="Findings that are accepted and do not count for --fail-on; see `opay-contract baseline`.",
        read=_path,
    ),
    Key(
        name="format",
        parameter="report_targets",
        example='["text", "html=drift.html"]',
        default="text on a terminal and in a file of --output, concise in a pipe",
        help="What the report is written as: by default text, and concise (a line a finding) where standard "
        "output is no terminal. May be repeated, each with a file of its own.",
        read=_formats,
    ),
    Key(
        name="docs-url",
        parameter="docs_url",
        example='"https://docs.shop.example/opay/"',
        default="what the contract says is shown in place only",
        help="Where the page of `opay-contract docs` stands: the HTML report links each statement of the "
        "contract to it.",
        read=lambda value, _folder: parse_docs_url(_text(value)),
    ),
    Key(
        name="select",
        parameter="select",
        example='["contradicted", "code-undocumented"]',
        default="every rule",
        help="Let these rules count and no others: a rule, a kind or an area of rules. May be repeated.",
        read=_rules,
    ),
    Key(
        name="ignore",
        parameter="ignore",
        example='["header"]',
        default="none",
        help="Leave these rules out: a rule, a kind or an area of rules. May be repeated.",
        read=_ignored,
    ),
    Key(
        name="severity",
        parameter="levels",
        example='{ code-undocumented = "info" }',
        default="each rule's own",
        help="Let a rule count as error, warning or info. May be repeated.",
        read=_severities,
    ),
    Key(
        name="jobs",
        parameter="jobs",
        example="2",
        default="1",
        help="Processes to spread the work over, large NDJSON files by byte range; the report is the same. "
        "By default 1, with --engine dask one for each processor.",
        read=_number,
    ),
)
"""Every key that there is; options, checks of the file, and the page of the docs follow from it."""

KEYS_BY_NAME = {key.name: key for key in KEYS}


def load_settings(named: Path | None, folder: Path) -> ProjectSettings:
    """Read the file that is named, or the nearest pyproject.toml of `folder` that has settings.

    Raises UsageError, with file and line, at what is no setting.
    """
    if named is not None:
        return parse_settings(_read(named), named)
    for file in _iter_pyprojects(folder):
        if _NAME not in (text := _read(file)):
            continue
        if _find_table(parse_toml(text, str(file)), file) is not None:
            return parse_settings(text, file)
    return ProjectSettings()


def _iter_pyprojects(folder: Path) -> Iterator[Path]:
    """Yield the pyproject.toml of a folder and of those above it, as far as anybody may look."""
    try:
        parents = folder.resolve().parents
    except OSError:  # the folder is gone
        return
    for file in (above / PYPROJECT for above in (folder, *parents)):
        with contextlib.suppress(OSError):
            if file.is_file():
                yield file


def parse_settings(text: str, file: Path) -> ProjectSettings:
    """Read the text of a settings file; in a pyproject.toml it is a table, elsewhere the whole file."""
    given = _find_table(parse_toml(text, str(file)), file)
    if given is None:
        raise UsageError(f"{file}: there is no table [{TABLE}]")
    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            key = _known(name)
            values[key.attribute] = key.read(value, file.parent)
        except UsageError as error:
            what, semicolon, advice = str(error).partition("; ")  # where it is comes before what to do
            where = f"[{TABLE}]" if file.name == PYPROJECT else "the settings"
            where += f" {name}" if name in KEYS_BY_NAME else ""
            inner = [key for key in (value if isinstance(value, dict) else {}) if f"'{key}'" in what]
            line = _line(text, file, name, *inner[:1])
            raise UsageError(f"{file}:{line}: {what} in {where}{semicolon}{advice}") from None
    lines = {name: _line(text, file, name) for name in given}
    return ProjectSettings(**values, file=file, lines=lines)


def _known(name: str) -> Key:
    if name not in KEYS_BY_NAME:
        hint = did_you_mean(name, KEYS_BY_NAME) or f"known are {', '.join(KEYS_BY_NAME)}"
        raise UsageError(f"unknown key '{name}'; {hint}")
    return KEYS_BY_NAME[name]


def _find_table(values: dict[str, Any], file: Path) -> dict[str, Any] | None:
    """Return the settings among what a file holds, None where there are none."""
    if file.name != PYPROJECT:
        return values
    tool = values.get("tool", {})
    table = tool.get(_NAME) if isinstance(tool, dict) else None
    if table is None or isinstance(table, dict):
        return table
    raise UsageError(f"{file}: [{TABLE}] is {_describe(table)}, not a table")


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not UTF-8 text") from None


def _line(text: str, file: Path, *keys: str) -> int:
    return line_of(text, ("tool", _NAME, *keys) if file.name == PYPROJECT else keys)


def _describe(value: Any) -> str:
    return "an empty text" if value == "" else _TOML_TYPES.get(type(value), "a date, or another value")
