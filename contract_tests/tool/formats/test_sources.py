"""Which files are read, in which order, and what becomes of those that cannot be."""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from opay_contract.model.exchange import Unreadable
from opay_contract.recordings.inputs import Source, iter_sources
from opay_contract.recordings.reading import iter_exchanges


def find(paths: list[str]) -> list[Any]:
    return list(iter_sources(paths))


def entries(source: Source, stdin: BinaryIO | None = None) -> list[Any]:
    return list(iter_exchanges(source, stdin=stdin))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (
        "b/2.json",
        "b/1.har",
        "a.ndjson.gz",
        "c.txt",
        "README.md",
        ".hidden.json",
        ".git/x.json",
        "z.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"# nothing\n" if name.endswith((".md", ".py")) else b'{"a":1}\n')
    return tmp_path


def names(paths: list[str], root: object) -> list[str]:
    return [
        (one.name if isinstance(one, Source) else one.place.file).removeprefix(f"{root}/")
        for one in find(paths)
    ]


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_folder_is_walked_in_the_order_of_names(folder: Path, ending: str) -> None:
    assert names([f"{folder}{ending}"], folder) == [
        "README.md",
        "a.ndjson.gz",
        "b/1.har",
        "b/2.json",
        "c.txt",
        "z.py",
    ]


def test_sources_are_counted_over_all_paths(folder: Path) -> None:
    found = find([str(folder / "b"), "-", str(folder / "nowhere"), str(folder / "z.py")])
    assert [one.ordinal if isinstance(one, Source) else one.place.source for one in found] == [0, 1, 2, 3, 4]
    assert (found[2].name, found[2].path) == ("-", None)
    assert found[3].reason == "cannot be read: no such file or directory"


def test_a_file_named_by_the_user_is_reported_when_it_is_no_recording(folder: Path) -> None:
    (source,) = find([str(folder / "README.md")])
    assert [type(one) for one in entries(source)] == [Unreadable]


def test_a_file_named_like_a_recording_is_reported_when_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.har.gz").write_bytes(b"rubbish")
    (source,) = find([str(tmp_path)])
    (found,) = entries(source)
    assert "no recording of a known format" in found.reason


def test_names_are_relative_when_the_user_gave_them_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(["."], "?")[1:3] == ["./a.ndjson.gz", "./b/1.har"]


def test_a_folder_that_links_to_one_above_it_is_reported_once(folder: Path) -> None:
    (folder / "b" / "loop").symlink_to(folder)
    (folder / "b" / "self").symlink_to("self")
    reasons = {one.place.file: one.reason for one in find([str(folder)]) if isinstance(one, Unreadable)}
    assert reasons == {
        f"{folder}/b/loop": "the folder is a link to a folder above it; take the link away",
        f"{folder}/b/self": "cannot be read: too many levels of symbolic links",
    }


def test_a_pipe_in_a_folder_is_passed_over_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.json")
    assert (find([str(tmp_path)])) == []


def test_a_file_without_permission_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.touch()

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    (source,) = find([str(path)])
    monkeypatch.setattr(os, "open", refuse)
    (found,) = entries(source)
    assert found.reason == "cannot be read: permission denied"


def test_a_file_that_is_gone_when_it_is_read_is_unreadable(tmp_path: Path) -> None:
    (found,) = entries(Source(ordinal=0, name="gone", path=tmp_path / "gone"))
    assert found.place.file == "gone"


def test_a_path_that_is_none_is_unreadable() -> None:
    (found,) = find(["a\0b"])
    assert found.reason == "cannot be read: not a path"


def test_a_deep_folder_is_walked_without_recursion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1500):
        os.mkdir("d")  # noqa: PTH102  relative, for the whole path is longer than the system takes
        os.chdir("d")
    Path("x.json").touch()
    monkeypatch.chdir(tmp_path)
    (found,) = find(["."])
    os.chdir(found.path.parent)
    Path("x.json").unlink()
    for _ in range(1500):  # pytest would remove the folders by recursion, and fail
        os.chdir("..")
        os.rmdir("d")  # noqa: PTH106
    assert found.name == "./" + "d/" * 1500 + "x.json"


def test_standard_input_need_not_be_seekable() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> Any:
            return False

        def seek(self, *_: Any) -> Any:
            raise OSError

    source = Source(ordinal=0, name="-", path=None)
    (found,) = entries(source, stdin=Pipe(b'{"a":1}\n'))
    assert found.response.body == b'{"a":1}'


def test_a_stream_that_fails_while_it_is_read_ends_with_the_reason() -> None:
    class Failing(io.BytesIO):
        def read(self, *_: Any) -> Any:
            raise OSError(5, "secret")

    (found,) = entries(Source(ordinal=0, name="-", path=None), stdin=Failing())
    assert found.reason == "cannot be read: input/output error"
