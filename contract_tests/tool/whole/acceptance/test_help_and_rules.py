"""What the command says about itself, and how little it loads to say it."""

import json
import subprocess
import sys
from collections.abc import Callable

from contract_tests.usual import each

from opay_contract.judge.gap_table import EVERY_RULE
from opay_contract.judge.table import RULES

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Golden = Callable[[str, str], None]

PAGES = {
    "help.txt": ["--help"],
    "check-help.txt": ["check", "--help"],
    "rules-help.txt": ["rules", "--help"],
    "suggest-help.txt": ["suggest", "--help"],
    "rules.txt": ["rules"],
    "rules-card-number-exposed.txt": ["rules", "card-number-exposed"],
    "rules-card-number-exposed.json": ["rules", "--format", "json", "card-number-exposed"],
}
HEAVY = ("jsonschema_rs", "yaml", "rich", "msgspec", "zstandard", "schemathesis", "starlette", "hypothesis")


@each("name", PAGES)
def test_a_page_is_the_golden_one(name: str, run: Run, assert_golden: Golden) -> None:
    done = run(*PAGES[name])
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 100 or name.endswith("json")
    assert_golden(name, done.stdout)


def test_help_loads_nothing_heavy(environment: dict[str, str]) -> None:
    program = (
        "import sys\nfrom opay_contract.cli.main import main\n"
        "for sys.argv[1:] in ['--help'], ['-h'], ['--version'], []:\n"
        "    try:\n        main()\n    except SystemExit:\n        pass\n"
        f"    print('\\nloaded:', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("loaded:")]
    assert said == ["loaded: []"] * 4


def test_the_version_is_printed(run: Run) -> None:
    done = run("--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("opay-contract ")


def test_the_help_names_every_exit_code(run: Run) -> None:
    said = " ".join(run("--help").stdout.split())
    for code in ("0 clean", "1 findings", "2 usage", "3 nothing was checked", "4 some input"):
        assert code in said


def test_the_table_lists_every_rule_once(run: Run) -> None:
    rows = [line.split() for line in run("rules").stdout.splitlines()[1:] if line[0] != " "]
    assert [row[:3] for row in rows] == [
        [rule.id, rule.severity.label, rule.kind.value] for rule in EVERY_RULE
    ]
    judged = json.loads(run("rules", "--format", "json").stdout)
    assert [rule["id"] for rule in judged] == [rule.id for rule in EVERY_RULE]
    assert all(rule.keys() >= {"id", "kind", "area", "severity", "explanation"} for rule in judged)


@each("rule", [rule.id for rule in RULES[:3]])
def test_a_rule_is_explained(rule: str, run: Run) -> None:
    done = run("rules", rule)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{rule}\n")


def test_a_misspelt_rule_gets_a_suggestion(run: Run) -> None:
    done = run("rules", "status-undocumnted")
    assert done.returncode == 2
    assert done.stderr == "error: unknown rule 'status-undocumnted'; did you mean 'status-undocumented'?\n"
    assert done.stdout == ""


def test_a_rule_like_no_other_gets_the_way_to_the_list(run: Run) -> None:
    done = run("rules", "xyz")
    assert done.returncode == 2
    assert done.stderr == "error: unknown rule 'xyz'; `opay-contract rules` lists them\n"
