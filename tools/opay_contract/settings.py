"""What a project has settled: which rules count and how much, the keys, and their file.

The settings stand in `[tool.opay-contract]` of the nearest pyproject.toml that has it, in the working folder
or above, or in a file that is named. The commands and the pytest plugin read them here.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import field
from msgspec.structs import replace

from opay_contract.errors import UsageError
from opay_contract.files import line_of, parse_toml, read_text
from opay_contract.judge.describing import describe_name
from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.judge.table import CARD_NUMBER_EXPOSED, NOTHING_SUCCEEDED
from opay_contract.model.finding import Finding, Insight, Key, Rule, Severity
from opay_contract.model.summary import DriftSummary
from opay_contract.report import FORMATS
from opay_contract.words import count, did_you_mean

ALWAYS = {
    CARD_NUMBER_EXPOSED.id: "a recording with card numbers is card data, whoever looks at it",
    NOTHING_SUCCEEDED.id: "`--require-success 0` says that a run without a success is meant",
}
"""Rules that always count, at their own severity, and why."""

_BY_ID = {rule.id: rule for rule in EVERY_RULE}
RULE_NAMES = tuple(_BY_ID)


_GROUPS_OF = {rule.id: (rule.kind.value, rule.area.value.replace(" ", "-")) for rule in EVERY_RULE}
GROUPS: dict[str, frozenset[str]] = {
    name: frozenset(id_ for id_, names in _GROUPS_OF.items() if name in names)
    for both in _GROUPS_OF.values()
    for name in both
}
"""The kinds and areas of rules, each with the ids of its rules."""


def expand_rules(names: Iterable[str]) -> frozenset[str]:
    """Return the ids that rules, kinds and areas stand for; raises UsageError at one that is none of them."""
    found: set[str] = set()
    for name in names:
        if name not in _BY_ID and name not in GROUPS:
            hint = did_you_mean(name, [*_BY_ID, *GROUPS]) or "`opay-contract rules` lists them"
            raise UsageError(f"unknown rule '{name}'; {hint}")
        found |= GROUPS.get(name, {name})
    return frozenset(found)


def parse_severity(text: str) -> Severity:
    """Return the severity of a name; raises UsageError where it is none."""
    for severity in Severity:
        if severity.label == text:
            return severity
    known = ", ".join(severity.label for severity in reversed(Severity))
    raise UsageError(f"unknown severity '{text}'; expected one of {known}")


class RulePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that count: those of `select`, or all where it is None, without those of `ignore`.

    What is ignored is ignored, selected or not. `severity` has the rules that weigh more or less than usual.
    """

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = field(default_factory=dict)

    def rule(self, rule: Rule) -> Rule | None:
        """Return a rule as it counts here, or None where it does not."""
        if rule.id in ALWAYS:
            return rule
        if rule.id in self.ignore or (self.select is not None and rule.id not in self.select):
            return None
        severity = self.severity.get(rule.id, rule.severity)
        return rule if severity is rule.severity else replace(rule, severity=severity)

    def findings(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings that count, each as grave as it does."""
        return tuple(
            replace(finding, rule=rule)
            for finding in findings
            if (rule := self.rule(finding.rule)) is not None
        )

    def summary(self, summary: DriftSummary) -> DriftSummary:
        """Return a summary with the findings that count.

        What a summary did not keep beyond its cap is of unknown rules, and goes on counting.
        """
        if self == RulePolicy():
            return summary
        occurrences, kept = Counter(summary.occurrences), dict[Key, Finding]()
        for key, finding in summary.findings.items():
            occurrences[finding.rule.severity] -= finding.count
            if (rule := self.rule(finding.rule)) is not None:
                occurrences[rule.severity] += finding.count
                kept[key] = replace(finding, rule=rule)
        return replace(
            summary,
            findings=kept,
            occurrences={severity: number for severity, number in occurrences.items() if number},
        )

    def left_out(self, summary: DriftSummary) -> dict[str, int]:
        """Return how many findings of each rule do not count, the most first."""
        found = Counter(finding.rule.id for finding in summary.findings.values())
        return {id_: number for id_, number in found.most_common() if self.rule(_BY_ID[id_]) is None}

    def describe_left_out(self, summary: DriftSummary) -> str:
        """Return in a sentence what was found and does not count, so that less is not taken for nothing."""
        left_out = self.left_out(summary)
        by_rule = ", ".join(f"{rule} {number:,}" for rule, number in left_out.items())
        findings = count(sum(left_out.values()), "finding")
        return f"{findings} left out by --select or --ignore ({by_rule})." if left_out else ""

    def insight(self, insight: Insight, summary: DriftSummary) -> Insight:
        """Return what observations say without the gaps of rules that do not count, and what is left out."""
        gaps = tuple(gap for gap in insight.gaps if self.rule(gap.rule) is not None)
        said = self.describe_left_out(summary)
        return replace(insight, gaps=gaps, limits=(*insight.limits, *([said] if said else [])))


def build_policy(
    select: Iterable[str] = (), ignore: Iterable[str] = (), severity: Mapping[str, Severity] | None = None
) -> RulePolicy:
    """Return the policy of names as they are written; raises UsageError at an unknown or a fixed rule."""
    selected, left_out = tuple(select), tuple(ignore)
    for name in (*left_out, *(severity or {})):
        if name in ALWAYS:
            raise UsageError(f"'{name}' always counts: {ALWAYS[name]}")
    levels: dict[str, Severity] = {}
    for name, level in sorted((severity or {}).items(), key=lambda one: one[0] in _BY_ID):
        levels |= dict.fromkeys(expand_rules([name]), level)  # what is said of a rule itself comes last
    return RulePolicy(
        select=expand_rules(selected) if selected else None,
        ignore=expand_rules(left_out),
        severity={id_: level for id_, level in levels.items() if id_ not in ALWAYS},
    )


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


class SettingKey(msgspec.Struct, frozen=True, kw_only=True):
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


KEYS: tuple[SettingKey, ...] = (
    SettingKey(
        name="contract",
        parameter="contract_dir",
        example='"contract"',
        default="the contract of the package",
        help="File of a contract, of any name, or the folder with openapi.yaml and schemas/; by default the "
        "contract that the package carries.",
        read=_path,
    ),
    SettingKey(
        name="base-url",
        parameter="base_urls",
        example='["https://gw.shop.example/psp"]',
        default="none",
        help="A base URL that answers by the contract, besides its servers. May be repeated.",
        read=_texts,
    ),
    SettingKey(
        name="fail-on",
        parameter="fail_on",
        example='"warning"',
        default="error",
        help="The least severity of a finding that makes the exit code 1.",
        read=lambda value, _folder: parse_severity(_text(value)),
    ),
    SettingKey(
        name="baseline",
        parameter="baseline_file",
        example='"accepted.toml"',
        default="none",
        help="Findings that are accepted and do not count for --fail-on; see `opay-contract baseline`.",
        read=_path,
    ),
    SettingKey(
        name="format",
        parameter="report_targets",
        example='["text", "html=drift.html"]',
        default="text on a terminal and in a file of --output, concise in a pipe",
        help="What the report is written as: by default text, and concise (a line a finding) where standard "
        "output is no terminal. May be repeated, each with a file of its own.",
        read=_formats,
    ),
    SettingKey(
        name="docs-url",
        parameter="docs_url",
        example='"https://docs.shop.example/opay/"',
        default="what the contract says is shown in place only",
        help="Where the page of `opay-contract docs` stands: the HTML report links each statement of the "
        "contract to it.",
        read=lambda value, _folder: parse_docs_url(_text(value)),
    ),
    SettingKey(
        name="select",
        parameter="select",
        example='["contradicted", "code-undocumented"]',
        default="every rule",
        help="Let these rules count and no others: a rule, a kind or an area of rules. May be repeated.",
        read=_rules,
    ),
    SettingKey(
        name="ignore",
        parameter="ignore",
        example='["header"]',
        default="none",
        help="Leave these rules out: a rule, a kind or an area of rules. May be repeated.",
        read=_ignored,
    ),
    SettingKey(
        name="severity",
        parameter="levels",
        example='{ code-undocumented = "info" }',
        default="each rule's own",
        help="Let a rule count as error, warning or info. May be repeated.",
        read=_severities,
    ),
    SettingKey(
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
        return parse_settings(read_text(named), named)
    for file in _iter_pyprojects(folder):
        if _NAME not in (text := read_text(file)):
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


def _known(name: str) -> SettingKey:
    if name not in KEYS_BY_NAME:
        hint = did_you_mean(name, KEYS_BY_NAME) or f"known are {', '.join(KEYS_BY_NAME)}"
        raise UsageError(f"unknown key '{describe_name(name)}'; {hint}")
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


def _line(text: str, file: Path, *keys: str) -> int:
    return line_of(text, ("tool", _NAME, *keys) if file.name == PYPROJECT else keys)


def _describe(value: Any) -> str:
    return "an empty text" if value == "" else _TOML_TYPES.get(type(value), "a date, or another value")
