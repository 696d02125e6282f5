"""Parquet is redacted row by row: a check finds the same in it, and nothing of what it held is left."""

import base64
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from contract_tests.usual import one_in

from opay_contract.cli.main import cli
from opay_contract.contract.contract import Contract
from opay_contract.drift.fold import Fold
from opay_contract.judge.subject import Settings
from opay_contract.model.exchange import Unreadable
from opay_contract.model.summary import DriftSummary
from opay_contract.recordings.inputs import iter_inputs
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.redact.files import redact_file
from opay_contract.redact.redactor import Redactor

TESTS = Path(__file__).parents[2]
CASES = sorted((TESTS / "tool" / "judge" / "cases").glob("*/*.ndjson"))
STARTED_AT = 1_790_000_000.0
KEY = {"OPAY_REDACTION_KEY": "a key of thirty-two bytes, no more"}

Row = dict[str, Any]
Part = Callable[[str, Row], Row]

SIDES = ("request", "response")
BODY_SCHEMA = {"text": pa.string(), "binary": pa.binary(), "base64": pa.string()}
PAIR = pa.struct({"key": pa.string(), "value": pa.list_(pa.string())})


def headers_of(part: Row) -> list[tuple[str, list[str]]]:
    headers = part.get("headers")
    pairs = headers.items() if isinstance(headers, dict) else headers or []
    return [(name, value if isinstance(value, list) else [value]) for name, value in pairs]


def body_of(part: Row) -> bytes | None:
    if "body_base64" in part:
        return base64.b64decode(part["body_base64"])
    body = part.get("body")
    return body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()


def is_text(part: Row | None) -> bool:
    try:
        (body_of(part or {}) or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def lines() -> list[Row]:
    return [json.loads(line) for path in CASES for line in path.read_text(encoding="utf-8").splitlines()]


def row_of(line: Row, shape: str) -> Row:
    made: Row = {"recorded_at": line.get("recorded_at")}
    for side in SIDES:
        part = line.get(side)
        if not isinstance(part, dict):
            continue
        raw, pairs = body_of(part), headers_of(part)
        new = {name: part[name] for name in ("method", "url", "status") if name in part}
        if shape == "base64":
            new["body_base64"] = None if raw is None else base64.b64encode(raw).decode()
            new["headers"] = [{"key": name, "value": values} for name, values in pairs]
        else:
            new["body"] = raw if shape == "binary" or raw is None else raw.decode()
            new["headers"] = [(name, ", ".join(values)) for name, values in pairs]
        made[side] = new
    return made


def schema_of(shape: str) -> Any:
    headers = pa.list_(PAIR) if shape == "base64" else pa.map_(pa.string(), pa.string())
    bodies = {"body_base64" if shape == "base64" else "body": BODY_SCHEMA[shape], "headers": headers}
    request = pa.struct({"method": pa.string(), "url": pa.string(), **bodies})
    response = pa.struct({"status": pa.int32(), **bodies})
    return pa.schema({"request": request, "response": response, "recorded_at": pa.string()})


def write(path: Path, rows: list[Row], schema: Any, **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
    return path


def check(path: Path, contract: Contract) -> DriftSummary:
    fold = Fold(contract, Settings(started_at=STARTED_AT))
    for source in iter_inputs([str(path)]):
        assert not isinstance(source, Unreadable)
        for entry in iter_exchanges(source):
            fold.add(entry)
    return fold.summary()


def redact(path: Path, target: Path, redactor: Redactor) -> list[tuple[str, str]]:
    (source,) = iter_inputs([str(path)])
    assert not isinstance(source, Unreadable)
    redactor.log.replaced.clear()
    assert redact_file(redactor, source, target).broken is None
    return list(redactor.log.replaced)


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(cli, ["redact", *map(str, arguments)], env=KEY, catch_exceptions=False)


@pytest.mark.parametrize("shape", BODY_SCHEMA)
def test_a_check_finds_the_same_and_a_second_redaction_changes_nothing(
    shape: str, tmp_path: Path, contract: Contract, make_redactor: Any
) -> None:
    step = 1 if shape == "binary" else 3  # what a line holds is not of the shape
    kept = [line for line in lines()[::step] if shape != "text" or all(map(is_text, map(line.get, SIDES)))]
    rows, schema = [row_of(line, shape) for line in kept], schema_of(shape)
    rows.append({"recorded_at": "2026-05-01T10:00:00Z"})  # has no answer
    path, target, again = (tmp_path / f"{number}.parquet" for number in range(3))
    write(path, rows, schema)
    assert redact(path, target, make_redactor())
    old, new = check(path, contract), check(target, contract)
    assert len(old.findings) > 30 // step
    assert {key: one.count for key, one in new.findings.items()} == {
        key: one.count for key, one in old.findings.items()
    }
    assert (new.exchanges, new.unreadable_count) == (old.exchanges, old.unreadable_count)
    assert new.unreadable_count == 1
    assert new.readings == old.readings
    assert pq.read_schema(target) == schema
    assert redact(target, again, make_redactor()) == []
    assert pq.read_table(again).equals(pq.read_table(target))


SECRETS = ("Leila Canary", "leila.canary@example.com", "4000056655665556", "X-5105105105105100")


def rows_with_secrets() -> tuple[list[Row], Any]:
    name, email, card, header = SECRETS
    body = json.dumps({"code": "00000", "data": {"customer": {"customerName": name, "note": card}}})
    fields = {"Content-Type": "application/json", header: email}
    sides = {"headers": pa.struct(dict.fromkeys(fields, pa.string())), "body": pa.string()}
    schema = pa.schema(
        {
            "request": pa.struct({"url": pa.string(), "curl": pa.string(), **sides}),
            "response": pa.struct({"status": pa.int64(), **sides}),
            "recorded_at": pa.timestamp("ms", tz="UTC"),
            "operator": pa.string(),
        }
    ).with_metadata({"made by": name})
    request = {"url": f"https://h.example/?q={email}", "curl": card, "headers": fields, "body": body}
    response = {"status": 200, "headers": fields, "body": body}
    return [{"request": request, "response": response, "operator": email}] * 3, schema


def test_nothing_sensitive_is_left_in_values_names_columns_or_metadata(
    tmp_path: Path, make_redactor: Any
) -> None:
    rows, schema = rows_with_secrets()
    rows.append(rows[0] | {"response": rows[0]["response"] | {"status": None}})  # cannot be read
    path = write(tmp_path / "in.parquet", rows, schema, compression="none", use_dictionary=False)
    target = tmp_path / "out.parquet"
    replaced = redact(path, target, make_redactor())
    assert {("column", "recording:column"), ("column", "recording:request")} <= set(replaced)
    assert len([one for one in replaced if one[1].startswith("request-header:")]) == len(rows)
    written = target.read_bytes()
    for secret in SECRETS:
        assert secret.encode() in path.read_bytes()
        assert secret.encode() not in written
    file = pq.ParquetFile(target)
    assert file.metadata.num_rows == len(rows)
    assert file.metadata.row_group(0).column(0).compression == "UNCOMPRESSED"
    assert file.schema_arrow.names == ["request", "response", "recorded_at"]


def test_a_row_of_which_the_answer_cannot_be_read_still_says_whose_it_is(tmp_path: Path) -> None:
    answer = {"status": 700, "body": "{}"}
    urls = ["https://cashierapi.opaycheckout.com/api/v1/international/token/query", "https://shop.amina.me/x"]
    rows = [{"request": {"method": "POST", "url": url}, "response": answer} for url in urls]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    done = run(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet")
    assert done.exit_code == 4
    ours, other = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert ours["request"] == {"method": "POST", "url": urls[0]}
    assert "amina" not in other["request"]["url"]
    for name in ("in.parquet", "out.parquet"):
        said = CliRunner().invoke(cli, ["check", str(tmp_path / name)]).output
        assert "1 could not be read" in said
        assert "1 exchange went to other hosts" in said


def test_a_status_that_is_none_says_no_more_than_that(tmp_path: Path, make_redactor: Any) -> None:
    """Its row cannot be read, and a number may be a card's."""
    statuses = [-2, -1, 700, 998, 999, 1000, 4111111111111111]
    path, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    rows = [{"response": {"status": one, "body": "{}"}} for one in statuses]
    pq.write_table(pa.Table.from_pylist(rows), path)
    redact(path, target, make_redactor())
    written = [row["response"]["status"] for row in pq.read_table(target).to_pylist()]
    assert written == [999, -1, 700, 998, 999, 999, 999]


def test_of_a_file_that_is_damaged_in_the_middle_nothing_is_written(tmp_path: Path) -> None:
    rows, schema = rows_with_secrets()
    path = write(tmp_path / "in.parquet", rows * 400, schema, row_group_size=600, compression="zstd")
    data, last = bytearray(path.read_bytes()), pq.read_metadata(path).row_group(1).column(3)
    data[last.data_page_offset : last.data_page_offset + last.total_compressed_size] = b"\xff" * (
        last.total_compressed_size
    )
    path.write_bytes(data)
    done = run(path, "-o", tmp_path / "out.parquet")
    assert done.exit_code == 4
    assert "the Parquet data is damaged" in done.output
    assert not (tmp_path / "out.parquet").exists()


def test_the_command_writes_verifies_and_refuses_what_is_damaged(tmp_path: Path) -> None:
    path, target = write(tmp_path / "in.parquet", *rows_with_secrets()), tmp_path / "out.parquet"
    assert run("--verify", path).exit_code == 1
    assert run(path, "-o", target).exit_code == 0
    assert run("--verify", target).exit_code == 0
    for number, damaged in enumerate((path.read_bytes()[:-20], b"PAR1 and nothing more")):
        path.write_bytes(damaged)
        done = run(path, "-o", tmp_path / f"{number}.parquet")
        assert done.exit_code == 4
        assert "the Parquet data is damaged" in done.output
        assert not (tmp_path / f"{number}.parquet").exists()


URL, NAMES, PAIRS = ("url", "/MARK"), ("headers", [("MARK", "x")]), ("headers", [["MARK", "x"]])
TYPES_OF_TEXTS: list[tuple[tuple[str, Any], Any]] = [
    *((URL, kind) for kind in (pa.string(), pa.string_view(), pa.dictionary(pa.int32(), pa.large_string()))),
    *((URL, kind) for kind in (pa.binary(5), pa.binary_view())),
    (NAMES, pa.map_(pa.string(), pa.string())),
    (PAIRS, pa.large_list(pa.large_list(pa.string()))),
    (PAIRS, pa.list_(pa.list_(pa.string(), 2), 1)),
    (PAIRS, pa.list_view(pa.list_(pa.string()))),
]


def test_a_text_of_any_type_that_is_no_utf8_stays_unreadable_for_its_reason(
    tmp_path: Path, contract: Contract, make_redactor: Any
) -> None:
    json_text = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"]))
    answer = pa.StructArray.from_arrays([pa.array([200]), json_text], ["status", "body"])
    reasons = {}
    for number, ((member, value), kind) in enumerate(TYPES_OF_TEXTS):
        asked = pa.array([{member: value}], pa.struct({member: kind}))
        path, target = tmp_path / f"{number}.parquet", tmp_path / f"{number}-redacted.parquet"
        table = pa.table({"request": asked, "response": answer})
        pq.write_table(table, path, compression="none")
        path.write_bytes(path.read_bytes().replace(b"MARK", b"\xff" * 4))
        redact(path, target, make_redactor())
        old, new = ([one.reason for one in check(each, contract).unreadable] for each in (path, target))
        assert old == new, kind
        reasons[member] = old
    assert reasons == {
        "url": ["the Parquet column 'request.url' is no text"],
        "headers": ["the headers are neither an object of texts nor a list of pairs"],
    }


def test_members_of_the_other_side_and_fields_of_nothing_cost_no_row(
    tmp_path: Path, contract: Contract, make_redactor: Any
) -> None:
    answer = {"status": 200, "url": {"a": "x"}, "method": 1, "body": '{"code": "02000", "message": "x"}'}
    for number, side in enumerate((answer, answer | {"headers": [{"a": {"b": None}}] * 4000})):
        path, target = tmp_path / f"{number}.parquet", tmp_path / f"{number}-redacted.parquet"
        pq.write_table(pa.Table.from_pylist([{"response": side}] * 2), path)
        redact(path, target, make_redactor())
        old, new = ([one.reason for one in check(each, contract).unreadable] for each in (path, target))
        assert (old == new, len(old)) == (True, 2 * number)


ODD_COLUMNS: dict[str, Any] = {
    "binary": pa.array([b"Amira"] * 2),
    "no-text": pa.StringArray.from_buffers(2, *pa.array([b"\xff\xfe", b"Amira"]).buffers()[1:]),
    "integer": pa.array([1, None]),
    "list": pa.array([["Amira"], None]),
    "struct": pa.array([{"Amira": "Amira"}, None]),
    "date": pa.array([date(2026, 1, 1), None]),
    "nothing": pa.nulls(2),
    "repeated": pa.array(["Amira"] * 2).dictionary_encode(),
}
PLACES = [
    *("request", "request.method", "request.url", "request.headers", "request.body"),
    *("response.status", "response.headers", "response.body_base64", "recorded_at", "missing"),
]


@pytest.mark.parametrize("place", one_in(5, PLACES))
def test_a_column_of_another_type_costs_its_rows_alone(place: str, tmp_path: Path) -> None:
    """A folder has a file of each type in the place of the column."""
    given, written = tmp_path / "given", tmp_path / "written"
    given.mkdir()
    for kind, odd in ODD_COLUMNS.items():
        pq.write_table(pa.table(columns_with(place, odd)), given / f"{kind}.parquet")
    for arguments in (["check", given], ["redact", given, "-o", written], ["redact", "--verify", given]):
        done = CliRunner().invoke(cli, [str(one) for one in arguments])
        assert isinstance(done.exception, SystemExit | None), done.exc_info
        assert done.exit_code in (0, 1, 3, 4)
        assert "Amira" not in done.output
    for target in written.iterdir():
        assert b"Amira" not in target.read_bytes()
        assert pq.read_metadata(target).num_rows == 2
    assert CliRunner().invoke(cli, ["redact", "--verify", str(written)]).exit_code == 0


def columns_with(place: str, odd: Any) -> dict[str, Any]:
    """Return the columns of two exchanges, of which one is another."""
    answer = {
        "status": pa.array([200, 200]),
        "headers": pa.nulls(2),
        "body": pa.array(["{}", '{"x": "Amira"}']),
    }
    asked = {"method": pa.array(["POST"] * 2), "url": pa.array(["/x"] * 2), "body": pa.array(["{}"] * 2)}
    columns = {"request": asked, "response": answer}
    column, _, member = place.partition(".")
    if member:
        columns[column][member] = odd
    made = {name: pa.StructArray.from_arrays(list(one.values()), list(one)) for name, one in columns.items()}
    return made if member else made | {column: odd}
