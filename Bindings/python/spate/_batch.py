"""Records that are lent."""

from __future__ import annotations

from collections.abc import Iterator
from pickle import PickleBuffer
from typing import Any

from ._errors import SpateError
from ._interface import Handle, call, ffi, lib, nanoseconds

_RECORD_WORDS = ffi.sizeof("spate_record") // 8
_PAYLOAD, _PAYLOAD_SIZE, _KEY, _HEADERS, _SIZES, _SEQUENCE, _TIMESTAMP = range(_RECORD_WORDS)


class Record:
    """A record of a batch. Its bytes are views that end with the batch."""

    __slots__ = ("_batch", "_index")

    def __init__(self, batch: "Batch", index: int) -> None:
        self._batch = batch
        self._index = index

    @property
    def payload(self) -> memoryview:
        return self._batch.payloads[self._index]

    @property
    def key(self) -> memoryview:
        return self._batch._part(self._index, _KEY, 0)

    @property
    def headers(self) -> memoryview:
        return self._batch._part(self._index, _HEADERS, 32)

    @property
    def sequence(self) -> int:
        return self._batch._word(self._index, _SEQUENCE)

    @property
    def timestamp(self) -> int:
        """Nanoseconds since 1970."""
        return self._batch._word(self._index, _TIMESTAMP)


class Batch(Handle):
    """Records that are lent together, where they are in the engine's memory, until `close`. Any thread.

    Iterating gives `Record`s; `payloads` is quicker where nothing else is wanted. With a name, its cursor's place can be
    acknowledged.
    """

    _close_function = lib.spate_batch_release

    def __init__(self, handle: Any, records: Any, count: int, owner: Handle) -> None:
        super().__init__(handle, owner)
        self._count = count
        self._words = memoryview(ffi.buffer(records, count * _RECORD_WORDS * 8)).cast("B").cast("Q")
        self._payloads: list[memoryview] | None = None
        self._parts: list[memoryview] = []
        self._guards: list[memoryview] = []

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Record:
        if not -self._count <= index < self._count:
            raise IndexError("no such record in the batch")
        return Record(self, index % self._count)

    def __iter__(self) -> Iterator[Record]:
        return (Record(self, index) for index in range(self._count))

    @property
    def payloads(self) -> list[memoryview]:
        """A view of each payload."""
        if self._payloads is None:
            starts = self._words[_PAYLOAD::_RECORD_WORDS].tolist()
            sizes = self._words[_PAYLOAD_SIZE::_RECORD_WORDS].tolist()
            # One view of all that the records lie in. Slices are views of their record alone, and nobody looks between.
            base = min(starts)
            end = max(start + size for start, size in zip(starts, sizes))
            whole = self._view(base, end - base)
            self._payloads = [whole[start - base : start - base + size] for start, size in zip(starts, sizes)]
            whole.release()
        return self._payloads

    @property
    def sequences(self) -> list[int]:
        """The sequence of each record. Some may be left out, where a claim was abandoned."""
        return self._words[_SEQUENCE::_RECORD_WORDS].tolist()

    def acknowledge(self, level: int = 2, timeout: float | None = None) -> None:
        """Acknowledges these records and all before them, for the named cursor that they came from. Waits until that is at
        `level`; with Level.PUBLISHED, the default, it never waits, and is durable with one of the next commits."""
        call(lib.spate_batch_acknowledge, self._handle, level, nanoseconds(timeout))

    def close(self) -> None:
        """Gives the records back and ends their views. Raises BufferError while somebody else, a slice of a view or an array,
        uses a view's memory; the batch stays open then."""
        for view in (*(self._payloads or ()), *self._parts):
            view.release()
        self._payloads = None
        self._parts.clear()
        while self._guards:
            self._guards[-1].release()
            self._guards.pop()
        self._words.release()
        super().close()

    def __del__(self) -> None:
        try:
            self.close()
        except BufferError:
            # Somebody still looks at a slice: who lent this gives it back.
            self._owner._leftover.append(self)
        except SpateError:
            pass

    def _word(self, index: int, word: int) -> int:
        return self._words[index * _RECORD_WORDS + word]

    def _part(self, index: int, word: int, shift: int) -> memoryview:
        size = self._word(index, _SIZES) >> shift & 0xFFFFFFFF
        view = self._view(self._word(index, word), size)
        self._parts.append(view)
        return view

    def _view(self, start: int, size: int) -> memoryview:
        """A view of the engine's memory, together with a guard that cannot be released before it and all its slices are."""
        guard = memoryview(ffi.buffer(ffi.cast("char *", start), size)).toreadonly()
        # A view of a view shares what that one is of, and is not counted by it; one of a PickleBuffer is.
        with_count = PickleBuffer(guard)
        view = memoryview(with_count)
        with_count.release()
        self._guards.append(guard)
        return view
