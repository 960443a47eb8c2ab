"""Spate, an embedded, durable queue engine, for Python: the C interface of libspate.so.0 through cffi.

    with spate.Store("/var/lib/orders") as store, store.queue("orders") as orders:
        orders.append(b"three apples")                          # durable when it returns
        orders.append_batch([b"two pears", b"one plum"])        # all of them or none
        with orders.cursor("billing") as billing:
            for batch in billing.batches():
                for record in batch:
                    print(record.sequence, bytes(record.payload))
                batch.acknowledge()

Payloads, keys and headers that are read are views of the engine's memory, not copies: they end with their batch, and using
one afterwards raises ValueError. Stores, queues and batches are for any thread; cursors and transactions for one at a time.
Waiting calls let other threads run. A fork's child has inert objects. Needs cffi and libspate.so.0; the environment
variable SPATE_LIBRARY names another file.
"""

from ._batch import Batch, Record
from ._cursor import Cursor, CursorState, Start
from ._errors import Code, SpateError
from ._queue import Append, Level, Queue, QueueStatistics
from ._store import Advance, Store, StoreStatistics
from ._transaction import Transaction

__all__ = [
    "Advance",
    "Append",
    "Batch",
    "Code",
    "Cursor",
    "CursorState",
    "Level",
    "Queue",
    "QueueStatistics",
    "Record",
    "SpateError",
    "Start",
    "Store",
    "StoreStatistics",
    "Transaction",
]
