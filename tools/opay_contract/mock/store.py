"""Keeps records and the items in them in SQLite, in memory or in a file that several processes share."""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import field

from opay_contract.errors import UsageError

_APPLICATION_ID = 0x4F50434E
"""Marks a file as a mock's store: "OPCN"; "OPCM" were those with customers alone."""

_SECONDS_TO_WAIT = 10.0
_SECONDS_BETWEEN_TRIES = 0.01
"""How long one process waits for another that writes."""

_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, id TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (kind, id)
);
CREATE TABLE IF NOT EXISTS items (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    record TEXT NOT NULL,
    document BLOB NOT NULL,
    UNIQUE (kind, id),
    FOREIGN KEY (kind, record) REFERENCES records ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS items_by_record ON items (kind, record);
"""
_FIND_RECORD = """
SELECT records.document, items.id, items.document
FROM records LEFT JOIN items ON items.kind = records.kind AND items.record = records.id
WHERE records.kind = ? AND records.id = ? ORDER BY items.number
"""
_FIND_ITEM = """
SELECT records.id, records.document, items.document
FROM items JOIN records ON records.kind = items.kind AND records.id = items.record
WHERE items.kind = ? AND items.id = ?
"""
_PUT_RECORD = """
INSERT INTO records (kind, id, document) VALUES (?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET document = excluded.document
"""
_PUT_ITEM = """
INSERT INTO items (kind, id, record, document) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET record = excluded.record, document = excluded.document
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class StoredRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a kind by its id: its data without its items, and these by their ids, in order."""

    kind: str
    id: str
    document: dict[str, Any]
    items: dict[str, dict[str, Any]] = field(default_factory=dict)


class Store:
    """Records by kind and id, and items by kind and id; a write is there for good when its method returns."""

    def __init__(self, path: Path | None = None) -> None:
        self._shared = path is not None
        self._writes = 0
        self._writing = threading.Lock()
        try:
            # One connection serves the event loop and tests' threads; SQLite itself serialises its use.
            self._connection = sqlite3.connect(
                path or ":memory:", timeout=_SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
            )
        except sqlite3.DatabaseError as error:
            raise UsageError(f"cannot use the store '{path}': {error}") from error
        try:
            _prepare(self._connection)
        except sqlite3.DatabaseError as error:
            self.close()
            raise UsageError(f"cannot use the store '{path}': {error}") from error

    def __enter__(self) -> Self:
        """Return the store; it is closed at the end."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close the store."""
        self.close()

    def record(self, kind: str, id_: str) -> StoredRecord | None:
        """Return a record with all of its items, in the order in which they were added."""
        rows = self._connection.execute(_FIND_RECORD, (kind, id_)).fetchall()
        if not rows:
            return None
        items = {item: _decode(document) for _, item, document in rows if item is not None}
        return StoredRecord(kind=kind, id=id_, document=_decode(rows[0][0]), items=items)

    def record_of_item(self, kind: str, item: str) -> StoredRecord | None:
        """Return the record of a kind that has an item, with that one item."""
        row = self._connection.execute(_FIND_ITEM, (kind, item)).fetchone()
        if row is None:
            return None
        return StoredRecord(kind=kind, id=row[0], document=_decode(row[1]), items={item: _decode(row[2])})

    def version(self) -> tuple[int, int]:
        """Return what differs after every write, this process's or another's."""
        others = self._connection.execute("PRAGMA data_version").fetchone()[0] if self._shared else 0
        return self._writes, others

    def ids(self, kind: str) -> list[str]:
        """Return the ids of all records of a kind, sorted."""
        found = self._connection.execute("SELECT id FROM records WHERE kind = ? ORDER BY id", (kind,))
        return [id_ for (id_,) in found]

    def is_empty(self) -> bool:
        """Tell whether there is no record of any kind."""
        return self._connection.execute("SELECT 1 FROM records LIMIT 1").fetchone() is None

    def add(self, records: Iterable[StoredRecord]) -> None:
        """Add records with their items; one of the same kind and id is replaced, with all of its items."""
        with self._transaction():
            self._put(records)

    def add_item(self, kind: str, record: str, item: str, document: dict[str, Any]) -> bool:
        """Add an item to a record; false when there is no such record."""
        with self._transaction():
            if self.record(kind, record) is None:
                return False
            self._connection.execute(_PUT_ITEM, (kind, item, record, _encode(document)))
            return True

    def remove(self, kind: str, id_: str) -> bool:
        """Remove a record with its items; false when there is none."""
        return self._remove("DELETE FROM records WHERE kind = ? AND id = ?", kind, id_)

    def remove_item(self, kind: str, item: str) -> bool:
        """Remove an item; false when there is none."""
        return self._remove("DELETE FROM items WHERE kind = ? AND id = ?", kind, item)

    def _remove(self, statement: str, kind: str, id_: str) -> bool:
        with self._transaction():
            return self._connection.execute(statement, (kind, id_)).rowcount > 0

    def reset(self, records: Iterable[StoredRecord]) -> None:
        """Remove everything and add `records`, in one step for whoever looks on."""
        with self._transaction():
            self._connection.execute("DELETE FROM records")
            self._put(records)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _put(self, records: Iterable[StoredRecord]) -> None:
        for stored in records:
            kind, id_ = stored.kind, stored.id
            self._connection.execute(_PUT_RECORD, (kind, id_, _encode(stored.document)))
            self._connection.execute("DELETE FROM items WHERE kind = ? AND record = ?", (kind, id_))
            items = [(kind, item, id_, _encode(document)) for item, document in stored.items.items()]
            self._connection.executemany(_PUT_ITEM, items)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writing:
            self._writes += 1
            with _transaction(self._connection):
                yield
            self._writes += 1


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    with _transaction(connection):
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if owner != _APPLICATION_ID and tables:
            raise sqlite3.DatabaseError("it is the database of another program, or of an older version")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
    # Readers and a writer share the file; SQLite does not wait by itself while others have it open.
    give_up = time.monotonic() + _SECONDS_TO_WAIT
    while connection.execute("PRAGMA journal_mode").fetchone()[0] not in ("wal", "memory"):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(_SECONDS_BETWEEN_TRIES)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
