"""Transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._cursor import Cursor
from ._interface import Handle, call, ffi, lib, nanoseconds

if TYPE_CHECKING:
    from ._queue import Bytes, Queue


class Transaction(Handle):
    """Records for one queue, acknowledgements of cursors of any queue of the store, and values beside the records, in one
    atomic step. One thread at a time.

        with invoices.transaction() as transaction:
            transaction.append(b"invoice 7")
            transaction.acknowledge(billing, 6)
            transaction.commit()

    What was not committed is forgotten at the end of the `with`.
    """

    _close_function = lib.spate_transaction_end

    def __init__(self, destination: "Queue") -> None:
        handle = ffi.new("spate_transaction **")
        call(lib.spate_transaction_begin, destination._handle, handle)
        super().__init__(handle[0], destination)
        self._cursors: list[Cursor] = []

    def append(self, payload: "Bytes", *, key: "Bytes" = b"", headers: "Bytes" = b"", timestamp: int = 0) -> None:
        """Adds a record."""
        from ._queue import _entry

        entry, _kept = _entry(payload, key, headers, timestamp)
        call(lib.spate_transaction_append, self._handle, entry)

    def acknowledge(self, cursor: Cursor, sequence: int) -> None:
        """Adds the acknowledgement of the record with `sequence` and all before it, for a named cursor."""
        call(lib.spate_transaction_acknowledge, self._handle, cursor._handle, sequence)
        self._cursors.append(cursor)

    def set(self, name: str, value: "Bytes") -> None:
        """Adds a value of the queue's metadata; an empty one removes the name."""
        given = ffi.from_buffer(value)
        call(lib.spate_transaction_set, self._handle, name.encode(), given, len(given))

    def commit(self, level: int = 0, timeout: float | None = None) -> int:
        """Commits everything, waits until it is at `level`, and returns the sequence of the first record. The transaction is
        empty then and can be used again."""
        first = ffi.new("uint64_t *")
        call(lib.spate_transaction_commit, self._handle, level, nanoseconds(timeout), first)
        self._cursors.clear()
        return int(first[0])
