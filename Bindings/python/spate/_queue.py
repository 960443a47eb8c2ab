"""Queues."""

from __future__ import annotations

import enum
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from ._batch import Batch
from ._cursor import Cursor, Start
from ._errors import Code, SpateError
from ._interface import Handle, call, ffi, lib, nanoseconds, sized

if TYPE_CHECKING:
    from ._store import Store
    from ._transaction import Transaction

Bytes = Union[bytes, bytearray, memoryview]


class Level(enum.IntEnum):
    """How far a record is: on the medium, handed to the kernel, or in the ring."""

    DURABLE = 0
    WRITTEN = 1
    PUBLISHED = 2


class Append(NamedTuple):
    """What became of an append at an expected sequence."""

    outcome: str
    """"appended", "already" or "gap"."""
    next_sequence: int
    """The sequence that would be appended next."""


class QueueStatistics(NamedTuple):
    """What a queue has done since it was opened, and where it stands; see spate_queue_statistics."""

    first_sequence: int
    written_sequence: int
    durable_sequence: int
    durable_position: int
    epoch: int
    appended: int
    commits: int
    largest_commit: int
    back_pressured: int
    back_pressure_ns: int
    dropped: int
    expired_claims: int
    evicted: int
    ring_bytes: int
    segment_bytes: int
    cursors: int
    named_cursors: int
    largest_lag: int


class Queue(Handle):
    """An append-only log of records, made by `Store.queue`. Any thread."""

    _close_function = lib.spate_queue_close

    def __init__(self, handle: Any, store: "Store", name: str) -> None:
        super().__init__(handle, store)
        self._store = store
        self.name = name

    # Appending

    def append(
        self,
        payload: Bytes,
        *,
        key: Bytes = b"",
        headers: Bytes = b"",
        timestamp: int = 0,
        level: Level = Level.DURABLE,
        timeout: float | None = None,
    ) -> int:
        """Appends one record, waits until it is at `level`, and returns its sequence.

        Raises SpateError: Code.EAGAIN or Code.EFULL when there was no room in time, and nothing was appended; with a
        `sequence` when the wait failed, and the record is in doubt.
        """
        entry, _kept = _entry(payload, key, headers, timestamp)
        sequence = ffi.new("uint64_t *")
        call(lib.spate_append_wait, self._handle, entry, level, nanoseconds(timeout), sequence)
        return int(sequence[0])

    def try_append(self, payload: Bytes) -> int | None:
        """Appends one record as far as published, without waiting. None when there is no room now."""
        sequence = ffi.new("uint64_t *")
        given = ffi.from_buffer(payload)
        try:
            call(lib.spate_append, self._handle, given, len(given), sequence)
        except SpateError as failure:
            if failure.code is Code.EAGAIN:
                return None
            raise
        return int(sequence[0])

    def append_batch(
        self,
        payloads: Sequence[Bytes],
        *,
        level: Level = Level.DURABLE,
        timeout: float | None = None,
    ) -> range:
        """Appends payloads atomically: after a crash all of them are there, or none. Returns their sequences."""
        return self.append_packed(b"".join(payloads), list(map(len, payloads)), level=level, timeout=timeout)

    def append_packed(
        self,
        payloads: Bytes,
        sizes: Sequence[int],
        *,
        level: Level = Level.DURABLE,
        timeout: float | None = None,
    ) -> range:
        """As `append_batch`, of payloads that stand one behind the other; `sizes` has the length of each."""
        lengths = sizes if isinstance(sizes, array) and sizes.typecode == "Q" else array("Q", sizes)
        first = ffi.new("uint64_t *")
        given = ffi.from_buffer(payloads)
        call(
            lib.spate_append_packed,
            self._handle,
            given,
            len(given),
            ffi.from_buffer("uint64_t[]", lengths),
            len(lengths),
            level,
            nanoseconds(timeout),
            first,
        )
        return range(first[0], first[0] + len(lengths))

    def append_at(
        self,
        sequence: int,
        payload: Bytes,
        *,
        key: Bytes = b"",
        headers: Bytes = b"",
        timestamp: int = 0,
        level: Level = Level.DURABLE,
        timeout: float | None = None,
    ) -> Append:
        """Appends a record only if it gets exactly `sequence`: for followers of a log."""
        entry, _kept = _entry(payload, key, headers, timestamp)
        following = ffi.new("uint64_t *")
        code = call(lib.spate_append_at, self._handle, sequence, entry, level, nanoseconds(timeout), following)
        return Append({0: "appended", lib.SPATE_ALREADY: "already"}.get(code, "gap"), int(following[0]))

    def fence(self, epoch: int, timeout: float | None = None) -> "Queue":
        """Puts a fencing epoch in force, durably, and returns the queue whose appends carry it: for a change of leaders.

        Objects that were opened before raise SpateError with Code.EFENCED when they append; nothing of it is in the log.
        """
        fenced = ffi.new("spate_queue **")
        call(lib.spate_queue_fence, self._handle, epoch, nanoseconds(timeout), fenced)
        return self._store._adopt(fenced[0], self.name)

    @property
    def fencing_epoch(self) -> int:
        """The fencing epoch in force; 0 while none was ever set."""
        epoch = ffi.new("uint64_t *")
        call(lib.spate_queue_fencing_epoch, self._handle, epoch)
        return int(epoch[0])

    def wait(self, sequence: int, level: Level = Level.DURABLE, timeout: float | None = None) -> None:
        """Waits until the record with `sequence` is at `level`."""
        call(lib.spate_wait, self._handle, sequence, level, nanoseconds(timeout))

    def transaction(self) -> "Transaction":
        """Begins a transaction whose records go to this queue."""
        from ._transaction import Transaction

        return Transaction(self)

    # Reading

    def cursor(
        self,
        name: str | None = None,
        *,
        start: Start = Start.EARLIEST,
        value: int = 0,
        level: Level = Level.DURABLE,
        batch_limit: int = 0,
        must_exist: bool = False,
    ) -> Cursor:
        """Opens a cursor; one with a name goes on where it was acknowledged, and `start` is for its first time."""
        options = sized("spate_cursor_options")
        spelled = ffi.new("char[]", name.encode()) if name is not None else ffi.NULL
        options.flags = lib.SPATE_CURSOR_MUST_EXIST if must_exist else 0
        options.name = spelled
        options.start = start
        options.start_value = value
        options.level = level
        options.batch_limit = batch_limit
        cursor = ffi.new("spate_cursor **")
        call(lib.spate_cursor_open, self._handle, options, cursor)
        return Cursor(cursor[0], self)

    def read(self, sequence: int) -> Batch:
        """Lends the durable record with `sequence`, as a batch of one."""
        batch = ffi.new("spate_batch **")
        record = ffi.new("spate_record **")
        call(lib.spate_queue_read, self._handle, sequence, batch, record)
        return Batch(batch[0], record[0], 1, self)

    @property
    def cursors(self) -> dict[str, int]:
        """The named cursors, and below which sequence each has acknowledged everything."""
        found: dict[str, int] = {}

        @ffi.callback("int(void *, const char *, uint64_t)")
        def each(_context: Any, name: Any, acknowledged: int) -> int:
            found[ffi.string(name).decode()] = acknowledged
            return 0

        call(lib.spate_queue_cursors, self._handle, each, ffi.NULL)
        return found

    def remove_cursor(self, name: str) -> None:
        """Removes a named cursor that nobody holds."""
        call(lib.spate_queue_remove_cursor, self._handle, name.encode())

    # The log

    @property
    def durable_sequence(self) -> int:
        """The sequence after the last durable record."""
        sequence = ffi.new("uint64_t *")
        call(lib.spate_queue_durable, self._handle, sequence)
        return int(sequence[0])

    @property
    def statistics(self) -> QueueStatistics:
        now = sized("spate_queue_statistics")
        call(lib.spate_queue_statistics_get, self._handle, now)
        return QueueStatistics(*(int(getattr(now, field)) for field in QueueStatistics._fields))

    def trim_before(self, sequence: int) -> None:
        """Gives up whole segments that hold no record at or behind `sequence`."""
        call(lib.spate_trim_before, self._handle, sequence)

    def truncate_tail(self, sequence: int) -> None:
        """Cuts the log off: the record with `sequence` and all behind it are gone, durably."""
        call(lib.spate_truncate_tail, self._handle, sequence)

    def metadata(self, name: str) -> bytes | None:
        """A value that a transaction set; None when there is none."""
        value = ffi.new("char[]", 65536)
        size = ffi.new("size_t *")
        try:
            call(lib.spate_queue_metadata, self._handle, name.encode(), value, 65536, size)
        except SpateError as failure:
            if failure.code is Code.ENOTFOUND:
                return None
            raise
        return bytes(ffi.buffer(value, size[0]))


def _entry(payload: Bytes, key: Bytes, headers: Bytes, timestamp: int) -> tuple[Any, Any]:
    """A spate_entry, and what must be kept as long as it is used."""
    kept = [ffi.from_buffer(part) for part in (payload, key, headers)]
    entry = ffi.new("spate_entry *")
    entry.payload, entry.payload_size = kept[0], len(kept[0])
    entry.key, entry.key_size = kept[1], len(kept[1])
    entry.headers, entry.headers_size = kept[2], len(kept[2])
    entry.timestamp = timestamp
    return entry, kept
