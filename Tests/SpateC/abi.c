/* What the interface promises since version 0.1: functions with their types, values, sizes and places of fields, for 64
 * bits. A build of this file fails when something of it is gone or has changed, and the check of names when a function is
 * missing here. Lines are added, and none is changed, as long as the soname is libspate.so.0. */
#include <spate.h>

#include <stdio.h>

#define PROMISED(result, name, parameters) result(*const promised_##name) parameters = name
#define VALUE(name, value) _Static_assert((name) == (value), #name)
#define FIELD(type, name, offset, size) \
  _Static_assert(offsetof(type, name) == (offset) && sizeof(((type *)NULL)->name) == (size), #type "." #name)
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
/* Those with a size field may grow. */
#define SIZE_AT_LEAST(type, size) _Static_assert(sizeof(type) >= (size), #type)

PROMISED(int, spate_append, (spate_queue *, const void *, size_t, uint64_t *, spate_error *));
PROMISED(
  int, spate_append_at,
  (spate_queue *, uint64_t, const spate_entry *, int, int64_t, uint64_t *, spate_error *));
PROMISED(
  int, spate_append_batch,
  (spate_queue *, const struct iovec *, size_t, int, int64_t, uint64_t *, spate_error *));
PROMISED(
  int, spate_append_entries,
  (spate_queue *, const spate_entry *, size_t, int, int64_t, uint64_t *, spate_error *));
PROMISED(int, spate_append_entry, (spate_queue *, const spate_entry *, uint64_t *, spate_error *));
PROMISED(
  int, spate_append_packed,
  (spate_queue *, const void *, size_t, const uint64_t *, size_t, int, int64_t, uint64_t *, spate_error *));
PROMISED(
  int, spate_append_wait,
  (spate_queue *, const spate_entry *, int, int64_t, uint64_t *, spate_error *));
PROMISED(void, spate_atfork_child, (void));
PROMISED(int, spate_batch_acknowledge, (spate_batch *, int, int64_t, spate_error *));
PROMISED(int, spate_batch_release, (spate_batch *, spate_error *));
PROMISED(int, spate_claim_abandon, (spate_claim *, spate_error *));
PROMISED(int, spate_claim_begin, (spate_queue *, size_t, int64_t, spate_claim *, spate_error *));
PROMISED(int, spate_claim_publish, (spate_claim *, int, int64_t, spate_error *));
PROMISED(const char *, spate_code_name, (int));
PROMISED(int, spate_cursor_acknowledge, (spate_cursor *, uint64_t, int, int64_t, spate_error *));
PROMISED(int, spate_cursor_close, (spate_cursor *, spate_error *));
PROMISED(int, spate_cursor_next, (spate_cursor *, int64_t, spate_record *, spate_error *));
PROMISED(
  int, spate_cursor_next_batch,
  (spate_cursor *, size_t, size_t, int64_t, spate_batch **, const spate_record **, size_t *, spate_error *));
PROMISED(
  int, spate_cursor_open,
  (spate_queue *, const spate_cursor_options *, spate_cursor **, spate_error *));
PROMISED(int, spate_cursor_release, (spate_cursor *, spate_error *));
PROMISED(int, spate_cursor_reset, (spate_cursor *, int, uint64_t, spate_error *));
PROMISED(int, spate_cursor_seek, (spate_cursor *, int, uint64_t, spate_error *));
PROMISED(int, spate_cursor_state_get, (spate_cursor *, spate_cursor_state *, spate_error *));
PROMISED(int, spate_queue_close, (spate_queue *, spate_error *));
PROMISED(
  int, spate_queue_cursors,
  (spate_queue *, int (*)(void *, const char *, uint64_t), void *, spate_error *));
PROMISED(int, spate_queue_durable, (spate_queue *, uint64_t *, spate_error *));
PROMISED(int, spate_queue_fence, (spate_queue *, uint64_t, int64_t, spate_queue **, spate_error *));
PROMISED(int, spate_queue_fencing_epoch, (spate_queue *, uint64_t *, spate_error *));
PROMISED(int, spate_queue_metadata, (spate_queue *, const char *, void *, size_t, size_t *, spate_error *));
PROMISED(
  int, spate_queue_open,
  (spate_store *, const char *, const spate_queue_options *, spate_queue **, spate_error *));
PROMISED(
  int, spate_queue_ranges,
  (spate_queue *, uint64_t, uint64_t, size_t, spate_ranges **, const spate_range **, size_t *, uint64_t *, spate_error *));
PROMISED(
  int, spate_queue_read,
  (spate_queue *, uint64_t, spate_batch **, const spate_record **, spate_error *));
PROMISED(int, spate_queue_remove_cursor, (spate_queue *, const char *, spate_error *));
PROMISED(int, spate_queue_statistics_get, (spate_queue *, spate_queue_statistics *, spate_error *));
PROMISED(int, spate_ranges_release, (spate_ranges *, spate_error *));
PROMISED(int, spate_store_advances, (spate_store *, spate_advance *, size_t, size_t *, spate_error *));
PROMISED(int, spate_store_close, (spate_store *, spate_error *));
PROMISED(int, spate_store_drop, (spate_store *, const char *, spate_error *));
PROMISED(int, spate_store_event_fd, (spate_store *, int *, spate_error *));
PROMISED(int, spate_store_open, (const char *, const spate_store_options *, spate_store **, spate_error *));
PROMISED(int, spate_store_queues, (spate_store *, int (*)(void *, const char *), void *, spate_error *));
PROMISED(int, spate_store_statistics_get, (spate_store *, spate_store_statistics *, spate_error *));
PROMISED(int, spate_transaction_acknowledge, (spate_transaction *, spate_cursor *, uint64_t, spate_error *));
PROMISED(int, spate_transaction_append, (spate_transaction *, const spate_entry *, spate_error *));
PROMISED(int, spate_transaction_begin, (spate_queue *, spate_transaction **, spate_error *));
PROMISED(int, spate_transaction_commit, (spate_transaction *, int, int64_t, uint64_t *, spate_error *));
PROMISED(int, spate_transaction_end, (spate_transaction *, spate_error *));
PROMISED(
  int, spate_transaction_set,
  (spate_transaction *, const char *, const void *, size_t, spate_error *));
PROMISED(int, spate_trim_before, (spate_queue *, uint64_t, spate_error *));
PROMISED(int, spate_truncate_tail, (spate_queue *, uint64_t, spate_error *));
PROMISED(uint32_t, spate_version, (void));
PROMISED(int, spate_wait, (spate_queue *, uint64_t, int, int64_t, spate_error *));

VALUE(SPATE_OK, 0);
VALUE(SPATE_ALREADY, 1);
VALUE(SPATE_GAP, 2);
VALUE(SPATE_END, 3);
VALUE(SPATE_EINVAL, -1);
VALUE(SPATE_ENOTFOUND, -2);
VALUE(SPATE_EKIND, -3);
VALUE(SPATE_EPERM, -4);
VALUE(SPATE_ELOCKED, -5);
VALUE(SPATE_EFORMAT, -6);
VALUE(SPATE_ECORRUPT, -7);
VALUE(SPATE_EFULL, -8);
VALUE(SPATE_EIO, -9);
VALUE(SPATE_ESYNC, -10);
VALUE(SPATE_EFAILED, -11);
VALUE(SPATE_ECLOSED, -12);
VALUE(SPATE_ETIMEDOUT, -13);
VALUE(SPATE_ECANCELLED, -14);
VALUE(SPATE_E2BIG, -15);
VALUE(SPATE_EEXPIRED, -16);
VALUE(SPATE_EREADONLY, -17);
VALUE(SPATE_ERESOURCES, -18);
VALUE(SPATE_EUNSUPPORTED, -19);
VALUE(SPATE_EFENCED, -20);
VALUE(SPATE_ERANGE, -21);
VALUE(SPATE_EBUSY, -22);
VALUE(SPATE_EAGAIN, -23);
VALUE(SPATE_EMISMATCH, -24);
VALUE(SPATE_EINUSE, -25);
VALUE(SPATE_ERROR_HAS_SEQUENCE, 1);
VALUE(SPATE_ERROR_HAS_POSITION, 2);
VALUE(SPATE_STORE_MUST_EXIST, 1);
VALUE(SPATE_STORE_BUFFERED, 2);
VALUE(SPATE_STORE_PLAIN_CALLS, 4);
VALUE(SPATE_QUEUE_MUST_EXIST, 1);
VALUE(SPATE_QUEUE_EVICT_UNACKNOWLEDGED, 2);
VALUE(SPATE_DURABLE, 0);
VALUE(SPATE_WRITTEN, 1);
VALUE(SPATE_PUBLISHED, 2);
VALUE(SPATE_EARLIEST, 0);
VALUE(SPATE_LATEST, 1);
VALUE(SPATE_SEQUENCE, 2);
VALUE(SPATE_TIME, 3);
VALUE(SPATE_CURSOR_MUST_EXIST, 1);

SIZE_AT_LEAST(spate_error, 512);
FIELD(spate_error, size, 0, 8);
FIELD(spate_error, code, 8, 4);
FIELD(spate_error, system_error, 12, 4);
FIELD(spate_error, known, 16, 4);
FIELD(spate_error, reserved, 20, 4);
FIELD(spate_error, sequence, 24, 8);
FIELD(spate_error, position, 32, 8);
FIELD(spate_error, message, 40, 472);

SIZE_AT_LEAST(spate_store_options, 64);
FIELD(spate_store_options, size, 0, 8);
FIELD(spate_store_options, flags, 8, 8);
FIELD(spate_store_options, memory_budget, 16, 8);
FIELD(spate_store_options, quota, 24, 8);
FIELD(spate_store_options, minimal_segment, 32, 8);
FIELD(spate_store_options, maximal_segment, 40, 8);
FIELD(spate_store_options, maximal_claim, 48, 8);
FIELD(spate_store_options, claim_deadline_ns, 56, 8);

SIZE_AT_LEAST(spate_store_statistics, 88);
FIELD(spate_store_statistics, size, 0, 8);
FIELD(spate_store_statistics, syncs, 8, 8);
FIELD(spate_store_statistics, light_commits, 16, 8);
FIELD(spate_store_statistics, writes, 24, 8);
FIELD(spate_store_statistics, written_bytes, 32, 8);
FIELD(spate_store_statistics, memory_budget_bytes, 40, 8);
FIELD(spate_store_statistics, memory_bytes, 48, 8);
FIELD(spate_store_statistics, peak_memory_bytes, 56, 8);
FIELD(spate_store_statistics, segment_bytes, 64, 8);
FIELD(spate_store_statistics, open_queues, 72, 8);
FIELD(spate_store_statistics, lent, 80, 8);

SIZE(spate_advance, 32);
FIELD(spate_advance, queue, 0, 8);
FIELD(spate_advance, tag, 8, 8);
FIELD(spate_advance, durable_sequence, 16, 8);
FIELD(spate_advance, status, 24, 4);
FIELD(spate_advance, reserved, 28, 4);

SIZE_AT_LEAST(spate_queue_options, 80);
FIELD(spate_queue_options, size, 0, 8);
FIELD(spate_queue_options, flags, 8, 8);
FIELD(spate_queue_options, tag, 16, 8);
FIELD(spate_queue_options, base_sequence, 24, 8);
FIELD(spate_queue_options, quota, 32, 8);
FIELD(spate_queue_options, sync_interval_ns, 40, 8);
FIELD(spate_queue_options, minimal_bytes, 48, 8);
FIELD(spate_queue_options, minimal_age_ns, 56, 8);
FIELD(spate_queue_options, maximal_bytes, 64, 8);
FIELD(spate_queue_options, maximal_age_ns, 72, 8);

SIZE_AT_LEAST(spate_queue_statistics, 152);
FIELD(spate_queue_statistics, size, 0, 8);
FIELD(spate_queue_statistics, first_sequence, 8, 8);
FIELD(spate_queue_statistics, written_sequence, 16, 8);
FIELD(spate_queue_statistics, durable_sequence, 24, 8);
FIELD(spate_queue_statistics, durable_position, 32, 8);
FIELD(spate_queue_statistics, epoch, 40, 8);
FIELD(spate_queue_statistics, appended, 48, 8);
FIELD(spate_queue_statistics, commits, 56, 8);
FIELD(spate_queue_statistics, largest_commit, 64, 8);
FIELD(spate_queue_statistics, back_pressured, 72, 8);
FIELD(spate_queue_statistics, back_pressure_ns, 80, 8);
FIELD(spate_queue_statistics, dropped, 88, 8);
FIELD(spate_queue_statistics, expired_claims, 96, 8);
FIELD(spate_queue_statistics, evicted, 104, 8);
FIELD(spate_queue_statistics, ring_bytes, 112, 8);
FIELD(spate_queue_statistics, segment_bytes, 120, 8);
FIELD(spate_queue_statistics, cursors, 128, 8);
FIELD(spate_queue_statistics, named_cursors, 136, 8);
FIELD(spate_queue_statistics, largest_lag, 144, 8);

SIZE(spate_entry, 56);
FIELD(spate_entry, payload, 0, 8);
FIELD(spate_entry, payload_size, 8, 8);
FIELD(spate_entry, key, 16, 8);
FIELD(spate_entry, key_size, 24, 8);
FIELD(spate_entry, headers, 32, 8);
FIELD(spate_entry, headers_size, 40, 8);
FIELD(spate_entry, timestamp, 48, 8);

SIZE(spate_claim, 128);
FIELD(spate_claim, bytes, 0, 8);
FIELD(spate_claim, size, 8, 8);
FIELD(spate_claim, sequence, 16, 8);
FIELD(spate_claim, opaque, 24, 104);

SIZE(spate_record, 56);
FIELD(spate_record, payload, 0, 8);
FIELD(spate_record, payload_size, 8, 8);
FIELD(spate_record, key, 16, 8);
FIELD(spate_record, headers, 24, 8);
FIELD(spate_record, key_size, 32, 4);
FIELD(spate_record, headers_size, 36, 4);
FIELD(spate_record, sequence, 40, 8);
FIELD(spate_record, timestamp, 48, 8);

SIZE_AT_LEAST(spate_cursor_options, 48);
FIELD(spate_cursor_options, size, 0, 8);
FIELD(spate_cursor_options, flags, 8, 8);
FIELD(spate_cursor_options, name, 16, 8);
FIELD(spate_cursor_options, start, 24, 4);
FIELD(spate_cursor_options, level, 28, 4);
FIELD(spate_cursor_options, start_value, 32, 8);
FIELD(spate_cursor_options, batch_limit, 40, 8);

SIZE_AT_LEAST(spate_cursor_state, 72);
FIELD(spate_cursor_state, size, 0, 8);
FIELD(spate_cursor_state, sequence, 8, 8);
FIELD(spate_cursor_state, unread, 16, 8);
FIELD(spate_cursor_state, acknowledged_sequence, 24, 8);
FIELD(spate_cursor_state, lag_records, 32, 8);
FIELD(spate_cursor_state, lag_bytes, 40, 8);
FIELD(spate_cursor_state, lag_ns, 48, 8);
FIELD(spate_cursor_state, evicted_begin, 56, 8);
FIELD(spate_cursor_state, evicted_end, 64, 8);

SIZE(spate_range, 56);
FIELD(spate_range, descriptor, 0, 4);
FIELD(spate_range, reserved, 4, 4);
FIELD(spate_range, offset, 8, 8);
FIELD(spate_range, size, 16, 8);
FIELD(spate_range, position, 24, 8);
FIELD(spate_range, salt, 32, 8);
FIELD(spate_range, first_sequence, 40, 8);
FIELD(spate_range, end_sequence, 48, 8);

int main(void) {
  if (spate_version() != SPATE_VERSION) return fprintf(stderr, "header and library have different versions\n"), 1;
  puts("abi: everything that was promised is there");
  return 0;
}
