"""Keeps customers and their cards in SQLite, in memory or in a file that several processes share."""

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec

from opay_contract.errors import UsageError

_APPLICATION_ID = 0x4F50434D
"""Marks a file as a mock's store: "OPCM"."""

_SECONDS_TO_WAIT = 10.0
_SECONDS_BETWEEN_TRIES = 0.01
"""How long one process waits for another that writes."""

_TABLES = """
CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cards (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL REFERENCES customers ON DELETE CASCADE,
    document BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS cards_by_customer ON cards (customer);
"""
_FIND_CUSTOMER = """
SELECT customers.document, cards.id, cards.document
FROM customers LEFT JOIN cards ON cards.customer = customers.id
WHERE customers.id = ? ORDER BY cards.number
"""
_FIND_CARD = """
SELECT customers.id, customers.document, cards.document
FROM cards JOIN customers ON customers.id = cards.customer
WHERE cards.id = ?
"""
_PUT_CUSTOMER = """
INSERT INTO customers (id, document) VALUES (?, ?)
ON CONFLICT (id) DO UPDATE SET document = excluded.document
"""
_PUT_CARD = """
INSERT INTO cards (id, customer, document) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET customer = excluded.customer, document = excluded.document
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCustomer:
    """A customer and its cards by token, each with the members that the contract's schemas give it."""

    id: str
    customer: dict[str, Any]
    cards: dict[str, dict[str, Any]]


class Store:
    """Customers by their id and cards by their token; a write is there for good when its method returns."""

    def __init__(self, path: Path | None = None) -> None:
        self._shared = path is not None
        self._writes = 0
        self._writing = threading.Lock()
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            raise UsageError(f"cannot use the store '{path}': {error}") from error

    def __enter__(self) -> Self:
        """Return the store; it is closed at the end."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Close the store."""
        self.close()

    def customer(self, customer_id: str) -> StoredCustomer | None:
        """Return a customer with all of its cards, in the order in which they were added."""
        rows = self._connection.execute(_FIND_CUSTOMER, (customer_id,)).fetchall()
        if not rows:
            return None
        cards = {token: _decode(card) for _, token, card in rows if token is not None}
        return StoredCustomer(id=customer_id, customer=_decode(rows[0][0]), cards=cards)

    def card(self, token: str) -> StoredCustomer | None:
        """Return the customer of a token, with that one card."""
        row = self._connection.execute(_FIND_CARD, (token,)).fetchone()
        if row is None:
            return None
        return StoredCustomer(id=row[0], customer=_decode(row[1]), cards={token: _decode(row[2])})

    def version(self) -> tuple[int, int]:
        """Return what differs after every write, this process's or another's."""
        others = self._connection.execute("PRAGMA data_version").fetchone()[0] if self._shared else 0
        return self._writes, others

    def customer_ids(self) -> list[str]:
        """Return the ids of all customers, sorted."""
        return [id_ for (id_,) in self._connection.execute("SELECT id FROM customers ORDER BY id")]

    def add(self, customers: Iterable[StoredCustomer]) -> None:
        """Add customers and their cards; a customer of the same id is replaced, with all of its cards."""
        with self._transaction():
            self._put(customers)

    def add_card(self, customer_id: str, token: str, card: dict[str, Any]) -> bool:
        """Add a card to a customer; false when there is no such customer."""
        with self._transaction():
            if self.customer(customer_id) is None:
                return False
            self._connection.execute(_PUT_CARD, (token, customer_id, _encode(card)))
            return True

    def remove_customer(self, customer_id: str) -> bool:
        """Remove a customer with its cards; false when there is none."""
        with self._transaction():
            return self._connection.execute("DELETE FROM customers WHERE id = ?", (customer_id,)).rowcount > 0

    def remove_card(self, token: str) -> bool:
        """Remove a card; false when there is none."""
        with self._transaction():
            return self._connection.execute("DELETE FROM cards WHERE id = ?", (token,)).rowcount > 0

    def reset(self, customers: Iterable[StoredCustomer]) -> None:
        """Remove everything and add `customers`, in one step for whoever looks on."""
        with self._transaction():
            self._connection.execute("DELETE FROM customers")
            self._put(customers)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _put(self, customers: Iterable[StoredCustomer]) -> None:
        for stored in customers:
            self._connection.execute(_PUT_CUSTOMER, (stored.id, _encode(stored.customer)))
            self._connection.execute("DELETE FROM cards WHERE customer = ?", (stored.id,))
            cards = [(token, stored.id, _encode(card)) for token, card in stored.cards.items()]
            self._connection.executemany(_PUT_CARD, cards)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._writing:
            self._writes += 1
            with _transaction(self._connection):
                yield
            self._writes += 1


def _open(path: Path | None) -> sqlite3.Connection:
    # One connection serves the event loop and tests' threads; SQLite itself serialises its use.
    connection = sqlite3.connect(
        path or ":memory:", timeout=_SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    with _transaction(connection):
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if owner != _APPLICATION_ID and tables:
            raise sqlite3.DatabaseError("it is another program's database")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
    _write_ahead(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer share the file; SQLite does not wait by itself while others have it open."""
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
