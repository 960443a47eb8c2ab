"""Consumers' places."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any, NamedTuple

from ._batch import Batch, Record
from ._interface import Handle, call, ffi, lib, nanoseconds, sized


class Start(enum.IntEnum):
    """Where a cursor begins: at the oldest record, behind the last one, at a sequence, or at a time."""

    EARLIEST = 0
    LATEST = 1
    SEQUENCE = 2
    TIME = 3


class CursorState(NamedTuple):
    """Where a cursor stands, and how far it is behind; what is acknowledged and lags is of named cursors only."""

    sequence: int
    unread: int
    acknowledged_sequence: int
    lag_records: int
    lag_bytes: int
    lag_ns: int
    evicted: range


class Cursor(Handle):
    """A consumer's place in a queue, made by `Queue.cursor`. One thread at a time."""

    _close_function = lib.spate_cursor_close

    def __init__(self, handle: Any, owner: object) -> None:
        super().__init__(handle, owner)
        self._batch = ffi.new("spate_batch **")
        self._records = ffi.new("spate_record **")
        self._count = ffi.new("size_t *")

    def next_batch(self, timeout: float | None = 0, count: int = 0, byte_count: int = 0) -> Batch | None:
        """The next records together, at most `count` and about `byte_count` (0: 1024, and 256 KiB), waiting for the first up
        to `timeout` seconds; None when none came. Close it, or use it in a `with`."""
        code = call(
            lib.spate_cursor_next_batch,
            self._handle,
            count,
            byte_count,
            nanoseconds(timeout),
            self._batch,
            self._records,
            self._count,
        )
        if code == lib.SPATE_END:
            return None
        return Batch(self._batch[0], self._records[0], self._count[0], self)

    def batches(self, timeout: float | None = 0, count: int = 0, byte_count: int = 0) -> Iterator[Batch]:
        """Batch after batch, each closed when the next one is taken, until none comes in time."""
        while (batch := self.next_batch(timeout, count, byte_count)) is not None:
            with batch:
                yield batch

    def __iter__(self) -> Iterator[Record]:
        """Record after record, as far as there are any now. A record's views end some records later: copy what you keep."""
        for batch in self.batches():
            yield from batch

    def acknowledge(self, sequence: int, level: int = 2, timeout: float | None = None) -> None:
        """Acknowledges the record with `sequence` and all before it. As `Batch.acknowledge`."""
        call(lib.spate_cursor_acknowledge, self._handle, sequence, level, nanoseconds(timeout))

    def seek(self, start: Start, value: int = 0) -> None:
        """Reads on at another place; what is acknowledged stays."""
        call(lib.spate_cursor_seek, self._handle, start, value)

    def reset(self, start: Start, value: int = 0) -> None:
        """Moves the durable place of a named cursor and its reading, also backwards."""
        call(lib.spate_cursor_reset, self._handle, start, value)

    @property
    def state(self) -> CursorState:
        now = sized("spate_cursor_state")
        call(lib.spate_cursor_state_get, self._handle, now)
        return CursorState(
            now.sequence,
            now.unread,
            now.acknowledged_sequence,
            now.lag_records,
            now.lag_bytes,
            now.lag_ns,
            range(now.evicted_begin, now.evicted_end),
        )
