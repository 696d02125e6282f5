"""A HAR in a ZIP archive, as Playwright writes it: with bodies beside it."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings import reading
from opay_contract.recordings.inputs import Source
from opay_contract.recordings.reading import iter_exchanges

URL = "https://sandbox.example.com/pay"
BODY = b'{"code":"00000"}'


def har(*contents: dict[str, Any]) -> bytes:
    entries = [
        {"request": {"method": "POST", "url": URL}, "response": {"status": 200, "content": content}}
        for content in contents
    ]
    return json.dumps({"log": {"entries": entries}}).encode()


def read_archive(path: Path, members: dict[str, bytes]) -> list[Exchange | Unreadable]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return list(iter_exchanges(Source(ordinal=0, name=path.name, path=path)))


def test_a_har_in_an_archive_is_read_with_the_bodies_beside_it(tmp_path: Path) -> None:
    text = har({"text": BODY.decode()}, {"size": 16, "_file": "a.json"}, {"size": 9, "_file": "gone.json"})
    inline, beside, gone = read_archive(tmp_path / "x.har.zip", {"a.json": BODY, "har.har": text})
    assert isinstance(inline, Exchange)
    assert isinstance(beside, Exchange)
    assert (inline.response.body, beside.response.body) == (BODY, BODY)
    assert isinstance(gone, Unreadable)
    assert "is in another file" in gone.reason


@pytest.mark.parametrize(
    ("members", "what"), [({"a.txt": b"x"}, "no HAR"), ({"a.har": har(), "b/b.har": har()}, "2 HARs")]
)
def test_an_archive_without_one_har_is_refused(tmp_path: Path, members: Any, what: str) -> None:
    (found,) = read_archive(tmp_path / "x.zip", members)
    assert isinstance(found, Unreadable)
    assert found.reason == f"the file is a ZIP archive with {what} in it; unpack it and name the files"


def test_an_archive_that_is_damaged_or_comes_through_a_pipe_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    read_archive(path, {"a.har": har({"text": BODY.decode()})})
    data = path.read_bytes()
    (piped,) = iter_exchanges(Source(ordinal=0, name="-", path=None), stdin=io.BytesIO(data))
    assert isinstance(piped, Unreadable)
    assert piped.reason == reading.NOT_FROM_A_PIPE
    for end in range(4, len(data), 7):
        path.write_bytes(data[:end] + b"\xff" * 3 + data[end + 3 :])
        list(iter_exchanges(Source(ordinal=0, name="x.zip", path=path)))
    path.write_bytes(data[:60])
    (broken,) = iter_exchanges(Source(ordinal=0, name="x.zip", path=path))
    assert isinstance(broken, Unreadable)
    assert broken.reason == reading.DAMAGED


def test_a_body_longer_than_an_entry_may_be_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_ENTRY", len(BODY))
    for body, kind in ((BODY, Exchange), (BODY + b" ", Unreadable)):
        (found,) = read_archive(tmp_path / "x.zip", {"a": body, "a.har": har({"_file": "a", "size": 16})})
        assert isinstance(found, kind)


def test_the_har_and_the_bodies_beside_it_unpack_to_a_limit_together(tmp_path: Path) -> None:
    text = har(*[{"_file": "a", "size": len(BODY)}] * 3)
    path = tmp_path / "x.zip"
    read_archive(path, {"a": BODY, "a.har": text})
    whole = len(text) + 3 * len(BODY)
    for limit, read in ((whole, 3), (whole - 1, 2), (len(text), 0)):
        found = list(iter_exchanges(Source(ordinal=0, name="x.zip", path=path, max_unpacked=limit)))
        assert [type(one) for one in found[:read]] == [Exchange] * read
        assert [one.reason.partition(" MiB")[0] for one in found[read:] if isinstance(one, Unreadable)] == (
            [] if limit == whole else ["the file unpacks to more than 0"]
        )
    (refused,) = iter_exchanges(Source(ordinal=0, name="x.zip", path=path, max_unpacked=len(text) - 1))
    assert isinstance(refused, Unreadable)
    assert "unpacks to more than" in refused.reason


def test_an_archive_that_unpacks_to_more_than_is_usual_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "most_unpacked", lambda packed: 1_000 + 10 * packed)
    (usual,) = read_archive(tmp_path / "usual.zip", {"a.har": har({"text": BODY.decode()})})
    assert isinstance(usual, Exchange)
    (bomb,) = read_archive(tmp_path / "bomb.zip", {"a.har": har({"text": "0" * 100_000})})
    assert isinstance(bomb, Unreadable)
    assert "unpacks to more than" in bomb.reason
