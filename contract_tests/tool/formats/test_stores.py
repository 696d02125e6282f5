"""What is read from stores: which objects, in which order, and a verdict for each that cannot be read."""

import errno
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from contract_tests.tool.running import run_command
from contract_tests.usual import each
from msgspec import structs

from opay_contract.errors import UsageError
from opay_contract.formats.errors import StreamError
from opay_contract.model.exchange import Exchange, Unreadable
from opay_contract.recordings import stores
from opay_contract.recordings.inputs import Source, iter_inputs
from opay_contract.recordings.parts import iter_parts
from opay_contract.recordings.reading import iter_exchanges
from opay_contract.recordings.stores import describe_failure, public_name, tag_of

LINE = b'{"response": {"status": 200, "body": {}}}\n'
SIGNED = "X-Amz-Signature=0123456789"


@pytest.fixture
def store() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    yield memory
    memory.store.clear()


class Pages(BaseHTTPRequestHandler):
    """Serves what is in `files`; a status for a name answers with that."""

    files: dict[str, bytes | int]
    tags: dict[str, str]

    def do_HEAD(self) -> None:
        """Answer with what is told of a file."""
        self._answer()

    def do_GET(self) -> None:
        """Answer with the file."""
        with suppress(OSError):  # the other side may have gone with the status alone
            self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        data = self.files.get(self.path.partition("?")[0], 404)
        if isinstance(data, int):
            self.send_error(data)
            return b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", self.tags.get(self.path.partition("?")[0], '"1"'))
        self.end_headers()
        return data

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pages() -> Iterator[tuple[str, type[Pages]]]:
    class Own(Pages):
        files: dict[str, bytes | int] = {}  # noqa: RUF012
        tags: dict[str, str] = {}  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01)).start()
    yield f"http://127.0.0.1:{server.server_port}", Own
    server.shutdown()
    server.server_close()


def names(*paths: str) -> list[str]:
    return [one.name if isinstance(one, Source) else f"! {one.reason}" for one in iter_inputs(paths)]


def read(*paths: str) -> list[Exchange | Unreadable]:
    found: list[Exchange | Unreadable] = []
    for source in iter_inputs(paths):
        found += iter_exchanges(source) if isinstance(source, Source) else [source]
    return found


def reasons(*paths: str) -> list[str]:
    return [one.reason for one in read(*paths) if isinstance(one, Unreadable)]


def test_folders_and_patterns_in_a_store_are_read_in_the_order_of_a_walk(store: Any) -> None:
    for name in (
        "day=2/b.har",
        "day=1/z.ndjson",
        "day=1.5.json",
        "day=1/.hid.json",
        ".git/x.json",
        "read.me",
    ):
        store.pipe(f"/t/{name}", LINE)
    walked = ["memory:///t/day=1/z.ndjson", "memory:///t/day=1.5.json", "memory:///t/day=2/b.har"]
    assert names("memory://t") == walked
    assert names("memory://t/day=*") == walked
    assert names("memory://t/*.me", "memory://t/day=*/*.har") == ["memory:///t/read.me", walked[2]]
    assert names("memory://t/*.zip", "memory://u") == [
        "! nothing there fits the pattern",
        "! cannot be read: no such file or directory",
    ]


def test_patterns_and_manifests_of_files_name_what_they_list(tmp_path: Path, store: Any) -> None:
    for name in ("b.ndjson", "a.ndjson"):
        (tmp_path / name).write_bytes(LINE)
    store.pipe("/t/c.ndjson", LINE)
    manifest = tmp_path / "list.txt"
    manifest.write_text(f"# these\n\n{tmp_path}/*.ndjson\n  memory://t/c.ndjson\n{tmp_path}/none\n")
    found = list(iter_inputs([f"@{manifest}", "@nowhere.txt"]))
    assert [one.ordinal if isinstance(one, Source) else one.place.source for one in found] == [0, 1, 2, 3, 4]
    assert [Path(one.name).name for one in found if isinstance(one, Source)] == [
        "a.ndjson",
        "b.ndjson",
        "c.ndjson",
    ]
    assert len(read(f"@{manifest}")) == 4


def test_a_store_gives_what_a_file_gives(store: Any, tmp_path: Path) -> None:
    data = b"".join(LINE for _ in range(30_000))
    (tmp_path / "x.ndjson").write_bytes(data)
    store.pipe("/t/x.ndjson", data)
    local, far = read(str(tmp_path / "x.ndjson")), read("memory://t/x.ndjson")
    assert len(far) == 30_000
    assert [structs.replace(one, place=structs.replace(one.place, file="")) for one in far] == [
        structs.replace(one, place=structs.replace(one.place, file="")) for one in local
    ]


def test_no_credential_is_in_a_name_or_a_verdict(pages: tuple[str, type[Pages]]) -> None:
    base, own = pages
    own.files |= {"/a.ndjson": LINE, "/no.ndjson": 403, "/gone.ndjson": 410, "/ill.ndjson": 503}
    bare = base.removeprefix("http://")
    paths = [f"{base}/{name}.ndjson?{SIGNED}" for name in ("a", "no", "gone", "ill")]
    found = list(iter_inputs([*paths, f"http://user:pw@{bare}/a.ndjson?{SIGNED}"]))
    said = repr(found)
    assert SIGNED not in said
    assert "user:pw" not in said
    assert next(one.name for one in found if isinstance(one, Source)) == f"{base}/a.ndjson"
    assert len(read(paths[0])) == 1
    assert reasons(*paths[1:], f"http://127.0.0.1:1/x?{SIGNED}") == [
        "cannot be read: permission denied",
        "cannot be read: no such file or directory",
        "cannot be read: the store answered with status 503",
        "cannot be read: the store cannot be reached",
    ]


@each(
    ("url", "name"),
    [
        ("https://u:p@h/x.ndjson?sig=1#a", "https://h/x.ndjson"),
        ("s3://b/part-?/x*.ndjson", "s3://b/part-?/x*.ndjson"),
        ("s3://b/x.ndjson?versionId=1", "s3://b/x.ndjson"),
        ("sftp://u:p@h/x", "sftp://h/x"),
        ("@https://u:p@h/list?token", "@https://h/list"),
        ("folder/u@x?a=b", "folder/u@x?a=b"),
    ],
)
def test_a_public_name_has_no_user_and_no_query(url: str, name: str) -> None:
    assert public_name(url) == name


def test_an_object_that_changes_or_goes_while_it_is_read_gets_a_verdict(
    store: Any, pages: tuple[str, type[Pages]]
) -> None:
    base, own = pages
    store.pipe("/t/x.ndjson", LINE * 9)
    own.files |= {"/a.ndjson": LINE * 9}
    (far,) = iter_inputs(["memory://t/x.ndjson"])
    (page,) = iter_inputs([f"{base}/a.ndjson"])
    assert isinstance(far, Source)
    assert isinstance(page, Source)
    parts = list(iter_parts(far, size=100))
    store.pipe("/t/x.ndjson", LINE * 10)
    own.tags["/a.ndjson"] = '"2"'
    for source in (far, page):
        *_, verdict = iter_exchanges(source)
        assert isinstance(verdict, Unreadable)
        assert verdict.reason.startswith(stores.CHANGED)
    assert len(parts) == 4
    store.rm("/t/x.ndjson")
    (verdict,) = iter_exchanges(far)
    assert isinstance(verdict, Unreadable)
    assert verdict.reason == "cannot be read: no such file or directory"


def test_a_store_that_sends_nothing_is_given_up(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store.pipe("/t/x.ndjson", LINE)
    (far,) = iter_inputs(["memory://t/x.ndjson"])
    assert isinstance(far, Source)
    let_go = threading.Event()
    monkeypatch.setattr(stores, "STALL", 0.05)
    monkeypatch.setattr(stores, "_PATIENCE", 0.05)  # which the thread that is stuck would outwait
    monkeypatch.setattr(type(store), "open", lambda *_, **__: let_go.wait(30))
    (verdict,) = iter_exchanges(far)
    let_go.set()
    assert isinstance(verdict, Unreadable)
    assert verdict.reason == "cannot be read: the store sent nothing for 0.05 seconds"


@each(
    ("error", "said"),
    [
        (TimeoutError("secret"), "did not answer in time"),
        (OSError(5, "secret"), "input/output error"),
        (OSError(errno.EINVAL, "secret"), "the store refuses the request"),
        (type("NoCredentialsError", (Exception,), {})("secret"), "permission denied"),
        (type("FileExpired", (OSError,), {})("secret"), "changed while"),
        (type("HttpError", (Exception,), {"code": 412})("secret"), "changed while"),
        (RuntimeError("secret"), "failed with RuntimeError"),
        (ImportError("secret"), "a package for this kind of URL is missing"),
        (StreamError("our own words"), "our own words"),
    ],
)
def test_a_store_fails_in_our_words(error: Exception, said: str) -> None:
    assert said in describe_failure(error)
    assert "secret" not in describe_failure(error)


@each(
    "line",
    [
        *(["check", "--format", name] for name in ("text", "json", "junit", "sarif", "markdown")),
        ["suggest"],
        ["redact", "--verify"],
        ["check", "x", "--contract"],
        ["compare", "x"],
        ["rules"],
        ["baseline"],
    ],
)
def test_no_credential_of_a_url_is_said_wherever_it_is_given(line: list[str], tmp_path: Path) -> None:
    """Also where no URL belongs, and by the line about what was read."""
    (tmp_path / "x").write_bytes(LINE)
    done = run_command(*line, "memory://u:secret@bucket/a.har?sig=secret", cwd=tmp_path)
    assert done.returncode in (2, 3, 4)
    assert "bucket" in done.stdout + done.stderr
    assert "secret" not in done.stdout + done.stderr


def test_times_that_a_store_rounds_are_no_change() -> None:
    left = tag_of({"size": 1, "ETag": "a", "LastModified": 1.5})
    assert stores._is_same(left, tag_of({"size": 1, "ETag": "a", "LastModified": 1.0}))  # noqa: SLF001
    assert not stores._is_same(left, tag_of({"size": 1, "ETag": "b", "LastModified": 1.5}))  # noqa: SLF001


def test_a_store_whose_package_is_missing_or_unknown_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names("nope://x") == ["! cannot be read: no file system is known for this kind of URL"]
    assert "chained URLs" in names("simplecache::memory://x")[0]

    def missing(*_: Any) -> Any:
        raise ImportError

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(UsageError, match=r"pip install 'opay-contract\[dask\]' s3fs$"):
        names("s3://b/x")


@pytest.mark.parametrize(
    "text",
    [
        LINE * 3,
        b'{"log": {"version": "1.2", "entries": []}}',
        b"* Trying 127.0.0.1...\n> POST / HTTP/1.1\n> Host: amira.example\n",
        b'Amira Canarywood\n{"name": "amira"}\n',
        b"amira\x1b[2J\n",
        b"a" * 4096,
    ],
)
def test_what_is_no_list_of_paths_is_refused_and_none_of_its_lines_said(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(text)
    with pytest.raises(UsageError, match="is no list of paths") as raised:
        list(iter_inputs([f"@{path}"]))
    assert "amira" not in str(raised.value).lower()


def test_a_line_that_names_nothing_is_said_by_its_number(tmp_path: Path) -> None:
    manifest = tmp_path / "list"
    (tmp_path / "a.ndjson").write_bytes(LINE)
    manifest.write_text(f"Amira\n{tmp_path}/a.nd*\nhttp://\namira/*.har\nodd://amira/x\n")
    found = [one for one in iter_inputs([f"@{manifest}"]) if isinstance(one, Unreadable)]
    assert [(one.place.file, one.place.line) for one in found] == [(str(manifest), n) for n in (1, 3, 4, 5)]
    assert all(one.reason.startswith(f"line {one.place.line}: ") for one in found)
    assert "amira" not in repr(found).lower()


@each("path", ["*" + "a" * 300, "a" * 300 + "?", "[" + "b/" * 3000, "c" * 300])
def test_a_path_that_is_too_long_is_one_unreadable_path(path: str) -> None:
    assert len(list(iter_inputs([path, path]))) == 2
    assert all(isinstance(one, Unreadable) for one in iter_inputs([path]))


def test_a_zip_archive_in_a_store_is_read(store: Any) -> None:
    har = b'{"log":{"entries":[{"response":{"status":200,"content":{"text":"{}"}},"request":{"url":"/x"}}]}}'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("calls.har", har)
    store.pipe("/calls.har.zip", packed.getvalue())
    (source,) = iter_inputs(["memory://calls.har.zip"])
    assert isinstance(source, Source)
    (found,) = iter_exchanges(source)
    assert isinstance(found, Exchange)
    assert found.response.body == b"{}"
