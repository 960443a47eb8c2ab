"""How many records a second pass through Python in batches. Usage: python3 throughput.py STORE"""

from __future__ import annotations

import sys
import time

import spate

RECORDS, BATCH, PAYLOAD = 1_000_000, 1000, b"p" * 64


def main() -> None:
    with spate.Store(sys.argv[1], memory_budget=256 << 20) as store, store.queue("throughput") as queue:
        payloads = [PAYLOAD] * BATCH
        first = queue.durable_sequence
        began = time.perf_counter()
        for _ in range(RECORDS // BATCH):
            queue.append_batch(payloads, level=spate.Level.PUBLISHED)
        published = time.perf_counter()
        queue.wait(first + RECORDS - 1)
        durable = time.perf_counter()
        count = total = 0
        with queue.cursor(start=spate.Start.SEQUENCE, value=first) as cursor:
            for batch in cursor.batches():
                for payload in batch.payloads:
                    total += len(payload)
                count += len(batch)
        read = time.perf_counter()
        assert count == RECORDS and total == RECORDS * len(PAYLOAD)
        print(f"Python: appended {RECORDS / (published - began) / 1e6:.1f} M records/s in batches of {BATCH},")
        print(f"        durable {RECORDS / (durable - began) / 1e6:.1f} M/s, read as views {RECORDS / (read - durable) / 1e6:.1f} M/s")


main()
