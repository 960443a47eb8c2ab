/* What goes in comes out, by every function of the interface. */
#define _GNU_SOURCE
#include "check.h"

#include <sys/sendfile.h>

enum { CAPACITY = 300 };

static void appendAll(spate_queue *queue) {
  char bytes[CAPACITY];
  uint64_t sequence = 99;
  for (uint64_t number = 0; number < 1000; number++) {
    size_t size = fill(bytes, CAPACITY, number);
    int code;
    while ((code = spate_append(queue, bytes, size, &sequence, NULL)) == SPATE_EAGAIN) usleep(100);
    CHECK(code == 0 && sequence == number);
  }
  /* Batches, each way. */
  char many[8][CAPACITY], packed[8 * CAPACITY];
  struct iovec vectors[8];
  spate_entry entries[8];
  uint64_t sizes[8], first;
  memset(entries, 0, sizeof entries);
  for (int way = 0; way < 3; way++) {
    size_t total = 0;
    for (int index = 0; index < 8; index++) {
      sizes[index] = fill(many[index], CAPACITY, 1000 + (uint64_t)way * 8 + (uint64_t)index);
      vectors[index].iov_base = many[index];
      vectors[index].iov_len = sizes[index];
      entries[index].payload = many[index];
      entries[index].payload_size = sizes[index];
      memcpy(packed + total, many[index], sizes[index]);
      total += sizes[index];
    }
    if (way == 0) WORKS(spate_append_batch(queue, vectors, 8, SPATE_DURABLE, -1, &first, &failure));
    if (way == 1) WORKS(spate_append_packed(queue, packed, total, sizes, 8, SPATE_WRITTEN, -1, &first, &failure));
    if (way == 2) WORKS(spate_append_entries(queue, entries, 8, SPATE_PUBLISHED, 0, &first, &failure));
    CHECK(first == 1000 + (uint64_t)way * 8);
  }
  spate_claim claim;
  char expected[CAPACITY];
  size_t size = fill(expected, CAPACITY, 1024);
  WORKS(spate_claim_begin(queue, size, -1, &claim, &failure));
  CHECK(claim.sequence == 1024 && claim.size == size);
  memcpy(claim.bytes, expected, size);
  WORKS(spate_claim_publish(&claim, SPATE_DURABLE, -1, &failure));
  GIVES(SPATE_EINVAL, spate_claim_publish(&claim, SPATE_DURABLE, -1, &failure));
  WORKS(spate_claim_begin(queue, 10, 0, &claim, &failure));
  WORKS(spate_claim_abandon(&claim, &failure));
  GIVES(SPATE_EINVAL, spate_claim_abandon(&claim, &failure));
  /* Record 1026 has everything. */
  spate_entry entry = {"payload", 7, "key", 3, "headers!", 8, 12345};
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, 1000000000, &sequence, &failure));
  CHECK(sequence == 1026);
  WORKS(spate_append_entry(queue, &entry, &sequence, &failure));
  WORKS(spate_wait(queue, sequence, SPATE_DURABLE, -1, &failure));
  GIVES(SPATE_ETIMEDOUT, spate_wait(queue, sequence + 1, SPATE_DURABLE, 1000000, &failure));
  uint64_t next;
  GIVES(SPATE_ALREADY, spate_append_at(queue, 5, &entry, SPATE_PUBLISHED, 0, &next, &failure));
  CHECK(next == 1028);
  GIVES(SPATE_GAP, spate_append_at(queue, 1030, &entry, SPATE_PUBLISHED, 0, &next, &failure));
  CHECK(next == 1028);
  WORKS(spate_append_at(queue, 1028, &entry, SPATE_DURABLE, -1, &next, &failure));
  CHECK(next == 1029);
  uint64_t durable;
  WORKS(spate_queue_durable(queue, &durable, &failure));
  CHECK(durable == 1029);
}

static void checkWhole(const spate_record *record) {
  CHECK(record->payload_size == 7 && memcmp(record->payload, "payload", 7) == 0);
  CHECK(record->key_size == 3 && memcmp(record->key, "key", 3) == 0);
  CHECK(record->headers_size == 8 && memcmp(record->headers, "headers!", 8) == 0);
  CHECK(record->timestamp == 12345);
}

static void readAll(spate_queue *queue) {
  spate_cursor *cursor;
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  spate_record record;
  uint64_t expected = 0;
  int code;
  while ((code = spate_cursor_next(cursor, 0, &record, NULL)) == 0) {
    CHECK(record.sequence == expected);
    if (expected < 1025) checkRecord(&record, CAPACITY);
    if (expected > 1025) checkWhole(&record);
    expected += expected == 1024 ? 2 : 1;
  }
  CHECK(code == SPATE_END && expected == 1029);
  GIVES(SPATE_END, spate_cursor_next(cursor, 1000000, &record, &failure));
  WORKS(spate_cursor_seek(cursor, SPATE_SEQUENCE, 500, &failure));
  spate_batch *batches[4];
  const spate_record *records[4];
  size_t count;
  uint64_t at = 500;
  for (int index = 0; index < 4; index++) {
    WORKS(spate_cursor_next_batch(cursor, 100, 0, 0, &batches[index], &records[index], &count, &failure));
    CHECK(count > 0 && count <= 100 && records[index][0].sequence == at);
    at += count;
  }
  spate_batch *fifth;
  const spate_record *none;
  GIVES(SPATE_EBUSY, spate_cursor_next_batch(cursor, 100, 0, 0, &fifth, &none, &count, &failure));
  /* What was lent first is as it was. */
  for (int index = 0; index < 4; index++) checkRecord(&records[index][0], CAPACITY);
  GIVES(SPATE_EBUSY, spate_cursor_close(cursor, &failure));
  for (int index = 0; index < 4; index++) WORKS(spate_batch_release(batches[index], &failure));
  GIVES(SPATE_ECLOSED, spate_batch_release(batches[0], &failure));
  spate_cursor_state state = {.size = sizeof state};
  WORKS(spate_cursor_state_get(cursor, &state, &failure));
  CHECK(state.sequence == at && state.unread > 0);
  WORKS(spate_cursor_close(cursor, &failure));
  spate_batch *one;
  const spate_record *single;
  WORKS(spate_queue_read(queue, 77, &one, &single, &failure));
  checkRecord(single, CAPACITY);
  WORKS(spate_batch_release(one, &failure));
  GIVES(SPATE_ENOTFOUND, spate_queue_read(queue, 1025, &one, &single, &failure));
  GIVES(SPATE_ERANGE, spate_queue_read(queue, 5000, &one, &single, &failure));
}

static int noteName(void *context, const char *name) {
  strcat(context, name);
  strcat(context, ",");
  return 0;
}

static int noteCursor(void *context, const char *name, uint64_t acknowledged) {
  CHECK(strcmp(name, "billing") == 0);
  *(uint64_t *)context = acknowledged;
  return 7;
}

static void acknowledge(spate_store *store, spate_queue *queue) {
  spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
  options.name = "billing";
  options.flags = SPATE_CURSOR_MUST_EXIST;
  spate_cursor *cursor, *second;
  GIVES(SPATE_ENOTFOUND, spate_cursor_open(queue, &options, &cursor, &failure));
  options.flags = 0;
  WORKS(spate_cursor_open(queue, &options, &cursor, &failure));
  GIVES(SPATE_EINUSE, spate_cursor_open(queue, &options, &second, &failure));
  spate_batch *batch;
  const spate_record *records;
  size_t count;
  WORKS(spate_cursor_next_batch(cursor, 10, 0, -1, &batch, &records, &count, &failure));
  WORKS(spate_batch_acknowledge(batch, SPATE_DURABLE, -1, &failure));
  WORKS(spate_batch_release(batch, &failure));
  WORKS(spate_cursor_acknowledge(cursor, count + 4, SPATE_PUBLISHED, 0, &failure));
  uint64_t acknowledged = 0;
  GIVES(7, spate_queue_cursors(queue, noteCursor, &acknowledged, &failure));
  CHECK(acknowledged == count + 5);
  spate_cursor_state state = {.size = sizeof state};
  WORKS(spate_cursor_state_get(cursor, &state, &failure));
  CHECK(state.acknowledged_sequence == count + 5 && state.lag_records > 900 && state.evicted_begin == state.evicted_end);
  WORKS(spate_cursor_reset(cursor, SPATE_SEQUENCE, 3, &failure));
  spate_record record;
  WORKS(spate_cursor_next(cursor, 0, &record, &failure));
  CHECK(record.sequence == 3);

  /* A transaction: a record there, an acknowledgement here, and a value beside. */
  spate_queue *bills;
  WORKS(spate_queue_open(store, "bills", NULL, &bills, &failure));
  spate_transaction *transaction;
  WORKS(spate_transaction_begin(bills, &transaction, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_commit(transaction, SPATE_DURABLE, -1, NULL, &failure));
  spate_entry entry = {"bill", 4, NULL, 0, NULL, 0, 0};
  WORKS(spate_transaction_append(transaction, &entry, &failure));
  WORKS(spate_transaction_acknowledge(transaction, cursor, 41, &failure));
  WORKS(spate_transaction_set(transaction, "epoch", "0042", 4, &failure));
  uint64_t first = 9;
  WORKS(spate_transaction_commit(transaction, SPATE_DURABLE, -1, &first, &failure));
  CHECK(first == 0);
  WORKS(spate_transaction_end(transaction, &failure));
  GIVES(SPATE_ECLOSED, spate_transaction_end(transaction, &failure));
  char value[4];
  size_t size;
  WORKS(spate_queue_metadata(bills, "epoch", value, sizeof value, &size, &failure));
  CHECK(size == 4 && memcmp(value, "0042", 4) == 0);
  GIVES(SPATE_E2BIG, spate_queue_metadata(bills, "epoch", value, 3, &size, &failure));
  GIVES(SPATE_ENOTFOUND, spate_queue_metadata(bills, "other", value, 4, &size, &failure));
  WORKS(spate_cursor_state_get(cursor, &state, &failure));
  CHECK(state.acknowledged_sequence == 42);
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_queue_close(bills, &failure));
  char names[100] = "";
  WORKS(spate_store_queues(store, noteName, names, &failure));
  CHECK(strcmp(names, "bills,orders,") == 0);
  WORKS(spate_store_drop(store, "bills", &failure));
  GIVES(SPATE_ENOTFOUND, spate_store_drop(store, "bills", &failure));
}

/* The bytes of a range as sendfile gives them are the bytes of the file. */
static void sendRanges(spate_queue *queue, const char *path) {
  spate_ranges *ranges;
  const spate_range *array;
  size_t count;
  uint64_t next;
  /* Everything that is durable, the unfinished block at the end included. */
  uint64_t durable;
  WORKS(spate_queue_durable(queue, &durable, &failure));
  WORKS(spate_queue_ranges(queue, 0, UINT64_MAX, 64, &ranges, &array, &count, &next, &failure));
  CHECK(count > 0 && array[0].first_sequence == 0 && array[count - 1].end_sequence == next && next == durable);
  for (size_t index = 1; index < count; index++) CHECK(array[index].first_sequence == array[index - 1].end_sequence);
  char name[600];
  snprintf(name, sizeof name, "%s/copy", path);
  FILE *copy = fopen(name, "w+");
  CHECK(copy != NULL);
  off_t offset = (off_t)array[0].offset;
  size_t left = array[0].size;
  while (left > 0) {
    ssize_t sent = sendfile(fileno(copy), array[0].descriptor, &offset, left);
    CHECK(sent > 0);
    left -= (size_t)sent;
  }
  /* The first frame of a segment is a chunk frame; the first record's payload comes behind it and one more header. */
  char *bytes = malloc(array[0].size), expected[CAPACITY];
  CHECK(bytes != NULL && pread(fileno(copy), bytes, array[0].size, 0) == (ssize_t)array[0].size);
  size_t size = fill(expected, CAPACITY, 3);
  CHECK(memmem(bytes, array[0].size, expected, size) != NULL);
  free(bytes);
  fclose(copy);
  GIVES(SPATE_EBUSY, spate_queue_close(queue, &failure));
  WORKS(spate_ranges_release(ranges, &failure));
  GIVES(SPATE_ECLOSED, spate_ranges_release(ranges, &failure));
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  CHECK(spate_version() == SPATE_VERSION);
  spate_store *store, *again;
  spate_queue *queue, *same;
  spate_store_options options = SPATE_STORE_OPTIONS_INIT;
  options.flags = SPATE_STORE_MUST_EXIST;
  GIVES(SPATE_ENOTFOUND, spate_store_open(at, &options, &store, &failure));
  options.flags = 0;
  options.memory_budget = 8 << 20;
  WORKS(spate_store_open(at, &options, &store, &failure));
  GIVES(SPATE_ELOCKED, spate_store_open(at, NULL, &again, &failure));
  spate_queue_options queueOptions = SPATE_QUEUE_OPTIONS_INIT;
  queueOptions.flags = SPATE_QUEUE_MUST_EXIST;
  GIVES(SPATE_ENOTFOUND, spate_queue_open(store, "orders", &queueOptions, &queue, &failure));
  WORKS(spate_queue_open(store, "orders", NULL, &queue, &failure));
  WORKS(spate_queue_open(store, "orders", NULL, &same, &failure));
  CHECK(queue == same);
  WORKS(spate_queue_close(same, &failure));
  appendAll(queue);
  for (int life = 0; life < 2; life++) {
    readAll(queue);
    if (life == 0) acknowledge(store, queue);
    sendRanges(queue, path);
    WORKS(spate_queue_close(queue, &failure));
    WORKS(spate_store_close(store, &failure));
    WORKS(spate_store_open(at, &options, &store, &failure));
    WORKS(spate_queue_open(store, "orders", NULL, &queue, &failure));
  }
  spate_queue_statistics statistics = {.size = sizeof statistics};
  WORKS(spate_queue_statistics_get(queue, &statistics, &failure));
  CHECK(statistics.durable_sequence == 1029 && statistics.first_sequence == 0 && statistics.named_cursors == 1);
  WORKS(spate_truncate_tail(queue, 1000, &failure));
  spate_entry entry = {"new", 3, NULL, 0, NULL, 0, 0};
  uint64_t sequence;
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  CHECK(sequence == 1000);
  WORKS(spate_queue_remove_cursor(queue, "billing", &failure));
  WORKS(spate_trim_before(queue, 1000, &failure));
  spate_store_statistics all = {.size = sizeof all};
  WORKS(spate_store_statistics_get(store, &all, &failure));
  CHECK(all.lent == 0 && all.open_queues == 1 && all.syncs > 0);
  WORKS(spate_store_close(store, &failure));
  GIVES(SPATE_ECLOSED, spate_append(queue, "x", 1, NULL, &failure));
  WORKS(spate_queue_close(queue, &failure));
  removeTree(path);
  puts("roundtrip: all of it came back");
  return 0;
}
