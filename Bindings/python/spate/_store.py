"""Stores."""

from __future__ import annotations

import os
import weakref
from typing import Any, NamedTuple

from ._errors import Code
from ._interface import Handle, call, ffi, lib, sized
from ._queue import Queue


class StoreStatistics(NamedTuple):
    """What a store has done since it was opened; see spate_store_statistics."""

    syncs: int
    light_commits: int
    writes: int
    written_bytes: int
    memory_budget_bytes: int
    memory_bytes: int
    peak_memory_bytes: int
    segment_bytes: int
    open_queues: int
    lent: int


class Advance(NamedTuple):
    """A queue that moved on."""

    queue: Queue
    durable_sequence: int
    code: Code | None
    """What keeps the queue from becoming durable any further; None as long as it works."""


class Store(Handle):
    """A directory with one owner, and the queues in it. Any thread.

    Options that are 0 have their defaults; see spate_store_options.
    """

    _close_function = lib.spate_store_close

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        must_exist: bool = False,
        buffered: bool = False,
        plain_calls: bool = False,
        memory_budget: int = 0,
        quota: int = 0,
        minimal_segment: int = 0,
        maximal_segment: int = 0,
        maximal_claim: int = 0,
    ) -> None:
        options = sized("spate_store_options")
        flags = (must_exist, lib.SPATE_STORE_MUST_EXIST), (buffered, lib.SPATE_STORE_BUFFERED)
        options.flags = sum(bit for is_set, bit in (*flags, (plain_calls, lib.SPATE_STORE_PLAIN_CALLS)) if is_set)
        options.memory_budget = memory_budget
        options.quota = quota
        options.minimal_segment = minimal_segment
        options.maximal_segment = maximal_segment
        options.maximal_claim = maximal_claim
        store = ffi.new("spate_store **")
        call(lib.spate_store_open, os.fsencode(path), options, store)
        super().__init__(store[0])
        self._queues: weakref.WeakValueDictionary[int, Queue] = weakref.WeakValueDictionary()

    def queue(
        self,
        name: str,
        *,
        must_exist: bool = False,
        evict_unacknowledged: bool = False,
        base_sequence: int = 0,
        quota: int = 0,
        sync_interval: float = 0,
        minimal_bytes: int = 0,
        minimal_age: float = 0,
        maximal_bytes: int = 0,
        maximal_age: float = 0,
    ) -> Queue:
        """Opens the queue with a name, or makes it. Times are seconds; see spate_queue_options."""
        options = sized("spate_queue_options")
        options.flags = lib.SPATE_QUEUE_MUST_EXIST if must_exist else 0
        options.flags |= lib.SPATE_QUEUE_EVICT_UNACKNOWLEDGED if evict_unacknowledged else 0
        options.base_sequence = base_sequence
        options.quota = quota
        options.sync_interval_ns = int(sync_interval * 1e9)
        options.minimal_bytes = minimal_bytes
        options.minimal_age_ns = int(minimal_age * 1e9)
        options.maximal_bytes = maximal_bytes
        options.maximal_age_ns = int(maximal_age * 1e9)
        handle = ffi.new("spate_queue **")
        call(lib.spate_queue_open, self._handle, name.encode(), options, handle)
        return self._adopt(handle[0], name)

    def _adopt(self, handle: Any, name: str) -> Queue:
        """Makes an object for the handle of a queue."""
        queue = Queue(handle, self, name)
        self._queues[_number(handle)] = queue
        return queue

    @property
    def queue_names(self) -> list[str]:
        """The names of all queues, in order."""
        found: list[str] = []

        @ffi.callback("int(void *, const char *)")
        def each(_context: Any, name: Any) -> int:
            found.append(ffi.string(name).decode())
            return 0

        call(lib.spate_store_queues, self._handle, each, ffi.NULL)
        return found

    def drop(self, name: str) -> None:
        """Removes a queue with all its records and cursors, durably."""
        call(lib.spate_store_drop, self._handle, name.encode())

    @property
    def event_fd(self) -> int:
        """An eventfd that becomes readable once a commit; for selectors and asyncio's add_reader. Not to be read or closed.
        Ask for it first, then look at the queues; call `advances` when it is readable."""
        descriptor = ffi.new("int *")
        call(lib.spate_store_event_fd, self._handle, descriptor)
        return int(descriptor[0])

    def advances(self, capacity: int = 64) -> list[Advance]:
        """Takes up to `capacity` queues that moved on since they were taken last, of those that have an object here."""
        array = ffi.new("spate_advance[]", capacity)
        count = ffi.new("size_t *")
        call(lib.spate_store_advances, self._handle, array, capacity, count)
        found = []
        for index in range(count[0]):
            one = array[index]
            queue = self._queues.get(_number(one.queue))
            if queue is not None:
                found.append(Advance(queue, one.durable_sequence, Code.of(one.status) if one.status else None))
        return found

    @property
    def statistics(self) -> StoreStatistics:
        now = sized("spate_store_statistics")
        call(lib.spate_store_statistics_get, self._handle, now)
        return StoreStatistics(*(int(getattr(now, field)) for field in StoreStatistics._fields))


def _number(handle: Any) -> int:
    return int(ffi.cast("uintptr_t", handle))
