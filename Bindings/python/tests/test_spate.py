"""What goes in comes out, and nothing dangles. Run by scripts/test-library."""

from __future__ import annotations

import gc
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
from array import array
from pathlib import Path

import spate
from spate._interface import lib


class StoreCase(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "store")
        self.store = spate.Store(self.path)
        self.addCleanup(lambda: self.store.close())
        self.queue = self.store.queue("q")

    def raises(self, code: spate.Code):
        case = self

        class Expecting:
            def __enter__(self):
                return self

            def __exit__(self, kind, failure, _trace):
                case.assertIsInstance(failure, spate.SpateError)
                case.assertEqual(failure.code, code)
                case.assertTrue(failure.message)
                self.failure = failure
                return True

        return Expecting()


class AppendTests(StoreCase):
    def test_every_way_of_appending_gives_the_sequences(self) -> None:
        self.assertEqual(self.queue.append(b"first", key=b"k", headers=b"hh", timestamp=77), 0)
        while self.queue.try_append(bytearray(b"second")) is None:
            pass
        self.assertEqual(self.queue.append_batch([b"third", b"", memoryview(b"fifth")]), range(2, 5))
        self.assertEqual(self.queue.append_packed(b"abbccc", array("Q", [1, 2, 3])), range(5, 8))
        self.assertEqual(self.queue.append_at(3, b"no"), ("already", 8))
        self.assertEqual(self.queue.append_at(9, b"no"), ("gap", 8))
        self.assertEqual(self.queue.append_at(8, b"yes"), ("appended", 9))
        self.queue.wait(8)
        self.assertEqual(self.queue.durable_sequence, 9)
        with self.queue.cursor() as cursor, cursor.next_batch() as batch:
            payloads = [bytes(record.payload) for record in batch]
            self.assertEqual(
                payloads, [b"first", b"second", b"third", b"", b"fifth", b"a", b"bb", b"ccc", b"yes"]
            )
            self.assertEqual(batch.sequences, list(range(9)))
            self.assertEqual((batch[0].key, batch[0].headers, batch[0].timestamp), (b"k", b"hh", 77))
            self.assertEqual(batch[-1].sequence, 8)
            self.assertRaises(IndexError, lambda: batch[9])

    def test_errors_say_what_is_wrong(self) -> None:
        with self.raises(spate.Code.EINVAL):
            self.queue.append_packed(b"abc", [1])
        with self.raises(spate.Code.EINVAL):
            self.queue.append_batch([])
        with self.raises(spate.Code.ETIMEDOUT) as expecting:
            self.queue.wait(5, timeout=0.001)
        self.assertEqual(expecting.failure.sequence, 5)
        with self.raises(spate.Code.ELOCKED):
            spate.Store(self.path)
        with self.raises(spate.Code.ENOTFOUND):
            self.store.queue("other", must_exist=True)
        self.assertRaises(ValueError, lambda: self.queue.wait(0, timeout=-1))

    def test_options_and_statistics_arrive(self) -> None:
        with self.store.queue("late", base_sequence=100) as late:
            self.assertEqual(late.append(b"x"), 100)
            self.assertEqual(late.statistics.first_sequence, 100)
        self.assertEqual(self.store.queue_names, ["late", "q"])
        self.store.drop("late")
        self.assertEqual(self.store.queue_names, ["q"])
        self.assertEqual(self.store.statistics.lent, 0)

    def test_threads_append_side_by_side(self) -> None:
        def produce() -> None:
            for _ in range(50):
                self.queue.append_batch([b"x" * 10] * 20, level=spate.Level.PUBLISHED)

        threads = [threading.Thread(target=produce) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.queue.wait(3999)
        self.assertEqual(self.queue.durable_sequence, 4000)


class ViewTests(StoreCase):
    def setUp(self) -> None:
        super().setUp()
        self.queue.append_batch([b"%d" % number for number in range(3000)])

    def test_views_are_of_the_engines_memory_and_end_with_their_batch(self) -> None:
        with self.queue.cursor() as cursor:
            batch = cursor.next_batch(count=10)
            view = batch[3].payload
            key = batch[3].key
            self.assertTrue(view.readonly)
            self.assertEqual(view, b"3")
            self.assertEqual(len(key), 0)
            batch.close()
            self.assertRaises(ValueError, view.tobytes)
            self.assertRaises(ValueError, key.tobytes)
            self.assertTrue(batch.is_closed)
            batch.close()

    def test_a_batch_stays_open_while_a_slice_of_its_views_is_used(self) -> None:
        with self.queue.cursor() as cursor:
            batch = cursor.next_batch(count=12)
            for part in (lambda: batch.payloads[11], lambda: batch[11].key):
                borrowed = part()[0:1]
                self.assertRaises(BufferError, batch.close)
                self.assertFalse(batch.is_closed)
                self.assertEqual(borrowed.tobytes(), b"1" if len(borrowed) else b"")
                self.assertEqual(batch.payloads[11], b"11")
                borrowed.release()
            with memoryview(memoryview(batch.payloads[5])):
                self.assertRaises(BufferError, batch.close)
            batch.close()
            self.assertEqual(self.store.statistics.lent, 0)

    def test_a_forgotten_batch_stays_lent_while_a_slice_is_used(self) -> None:
        with self.queue.cursor() as cursor:
            batch = cursor.next_batch(count=12)
            borrowed = batch.payloads[11][1:]
            del batch
            gc.collect()
            self.assertEqual(borrowed, b"1")
            self.assertEqual(self.store.statistics.lent, 1)
            self.assertRaises(BufferError, cursor.close)
            borrowed.release()
        self.assertEqual(self.store.statistics.lent, 0)

    def test_a_batch_that_is_forgotten_is_given_back_and_its_views_end(self) -> None:
        with self.queue.cursor() as cursor:
            view = cursor.next_batch(count=10).payloads[0]
            gc.collect()
            self.assertRaises(ValueError, view.tobytes)
            self.assertEqual(self.store.statistics.lent, 0)

    def test_iteration_passes_every_record_once(self) -> None:
        with self.queue.cursor() as cursor:
            self.assertEqual([int(bytes(record.payload)) for record in cursor], list(range(3000)))
            self.assertIsNone(cursor.next_batch(timeout=0.001))
            cursor.seek(spate.Start.SEQUENCE, 2990)
            self.assertEqual(sum(len(batch) for batch in cursor.batches()), 10)
            self.assertEqual(cursor.state.sequence, 3000)

    def test_only_so_many_batches_are_out(self) -> None:
        with self.queue.cursor(batch_limit=2) as cursor:
            batches = [cursor.next_batch(count=1) for _ in range(2)]
            with self.raises(spate.Code.EBUSY):
                cursor.next_batch(count=1)
            with self.raises(spate.Code.EBUSY):
                cursor.close()
            with self.raises(spate.Code.EBUSY):
                self.store.close()
            self.assertFalse(self.store.is_closed)
            for batch in batches:
                batch.close()

    def test_a_single_record_is_read_by_its_sequence(self) -> None:
        with self.queue.read(1234) as batch:
            self.assertEqual(batch[0].payload, b"1234")
        with self.raises(spate.Code.ERANGE):
            self.queue.read(3000)


class PlaceTests(StoreCase):
    def test_a_named_cursor_goes_on_where_it_was_acknowledged(self) -> None:
        self.queue.append_batch([b"%d" % number for number in range(10)])
        with self.queue.cursor("reader") as cursor:
            with cursor.next_batch(count=4) as batch:
                batch.acknowledge(spate.Level.DURABLE)
            cursor.acknowledge(4)
        self.assertEqual(self.queue.cursors, {"reader": 5})
        self.store.close()
        self.store = spate.Store(self.path)
        queue = self.store.queue("q")
        with queue.cursor("reader", must_exist=True) as cursor:
            self.assertEqual([record.sequence for record in cursor], [5, 6, 7, 8, 9])
            self.assertEqual(cursor.state.acknowledged_sequence, 5)
            cursor.reset(spate.Start.EARLIEST)
        queue.remove_cursor("reader")
        self.assertEqual(queue.cursors, {})

    def test_a_transaction_is_one_step(self) -> None:
        self.queue.append(b"order")
        invoices = self.store.queue("invoices")
        with self.queue.cursor("billing") as billing, invoices.transaction() as transaction:
            transaction.append(b"invoice")
            transaction.acknowledge(billing, 0)
            transaction.set("epoch", b"42")
            self.assertEqual(transaction.commit(), 0)
        self.assertEqual(invoices.metadata("epoch"), b"42")
        self.assertIsNone(invoices.metadata("other"))
        self.assertEqual(self.queue.cursors, {"billing": 1})

    def test_the_tail_can_be_cut_off(self) -> None:
        self.queue.append_batch([b"x"] * 6)
        self.queue.append_batch([b"x"] * 4)
        with self.raises(spate.Code.EINVAL) as expecting:
            self.queue.truncate_tail(8)
        self.assertEqual(expecting.failure.sequence, 6)
        self.queue.truncate_tail(6)
        self.assertEqual(self.queue.append(b"y"), 6)
        self.queue.trim_before(3)

    def test_who_was_replaced_appends_no_more(self) -> None:
        descriptor = self.store.event_fd
        self.assertEqual(self.queue.fencing_epoch, 0)
        with self.queue.fence(7) as leader:
            for append in (self.queue.append, self.queue.try_append, lambda payload: self.queue.append_batch([payload])):
                with self.assertRaises(spate.SpateError) as raised:
                    append(b"late")
                self.assertIs(raised.exception.code, spate.Code.EFENCED)
                self.assertIsNone(raised.exception.sequence)
            self.assertEqual(leader.append(b"new"), 0)
            self.assertEqual(leader.fencing_epoch, 7)
            self.assertEqual(select.select([descriptor], [], [], 30)[0], [descriptor])
            self.assertEqual([one.queue for one in self.store.advances()], [leader])

    def test_an_event_loop_is_told_once_a_commit(self) -> None:
        descriptor = self.store.event_fd
        self.queue.append(b"x")
        self.assertEqual(select.select([descriptor], [], [], 30)[0], [descriptor])
        advances = self.store.advances()
        self.assertEqual([(one.queue, one.durable_sequence, one.code) for one in advances], [(self.queue, 1, None)])


class ForkTests(StoreCase):
    def test_a_forked_child_has_inert_objects_and_harms_nothing(self) -> None:
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            status = 1
            try:
                self.queue.append(b"x")
            except spate.SpateError as failure:
                status = 0 if failure.code is spate.Code.ECLOSED else 2
            os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.queue.append(b"y"), 0)


class InterfaceTests(unittest.TestCase):
    def test_every_code_of_the_header_has_its_name(self) -> None:
        header = (Path(spate.__file__).parent / "spate.h").read_text()
        codes = {name: int(number) for name, number in re.findall(r"SPATE_(E\w+) = (-\d+)", header)}
        mine = {code.name: int(code) for code in spate.Code if code is not spate.Code.UNKNOWN}
        self.assertEqual(mine, codes)
        self.assertIs(spate.Code.of(-999), spate.Code.UNKNOWN)
        self.assertEqual([int(level) for level in spate.Level], [lib.SPATE_DURABLE, lib.SPATE_WRITTEN, lib.SPATE_PUBLISHED])

    def test_a_missing_library_is_an_error_of_the_import(self) -> None:
        missing = {**os.environ, "SPATE_LIBRARY": "libnowhere.so.9"}
        result = subprocess.run([sys.executable, "-c", "import spate"], env=missing, capture_output=True, text=True)
        self.assertIn("libnowhere.so.9", result.stderr)
        self.assertNotEqual(result.returncode, 0)


if __name__ == "__main__":
    unittest.main()
