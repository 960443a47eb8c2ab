/* Each argument is looked at: places for results that are missing, numbers that stand for nothing, strings that are none,
 * and calls that overlap where none may. */
#include "check.h"

#include <pthread.h>

static spate_store *store;
static spate_queue *queue;
static spate_cursor *cursor, *named;
static spate_transaction *transaction;

static int never(void *context, const char *name) { return (void)context, (void)name, exit(1), 0; }

/* A result that has no place to go to. */
static void placesThatAreMissing(void) {
  spate_batch *batch = (void *)1;
  spate_ranges *ranges = (void *)1;
  const spate_record *records;
  const spate_range *array;
  spate_advance advance;
  size_t count;
  GIVES(SPATE_EINVAL, spate_store_event_fd(store, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_store_advances(store, NULL, 1, &count, &failure));
  GIVES(SPATE_EINVAL, spate_store_advances(store, &advance, 1, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_store_queues(store, NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_store_queues(NULL, never, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_store_drop(store, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_open(store, "q", NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_open(store, NULL, NULL, &queue, &failure));
  GIVES(SPATE_EINVAL, spate_queue_durable(queue, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_fence(queue, 0, -1, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_fencing_epoch(queue, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_cursors(queue, NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_remove_cursor(queue, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_read(queue, 0, NULL, &records, &failure));
  GIVES(SPATE_EINVAL, spate_queue_read(queue, 0, &batch, NULL, &failure));
  CHECK(batch == NULL);
  GIVES(SPATE_EINVAL, spate_queue_ranges(queue, 0, 1, 1, NULL, &array, &count, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_ranges(queue, 0, 1, 1, &ranges, NULL, &count, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_ranges(queue, 0, 1, 1, &ranges, &array, NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_ranges(queue, 0, 1, 0, &ranges, &array, &count, NULL, &failure));
  CHECK(ranges == NULL);
  GIVES(SPATE_EINVAL, spate_cursor_open(queue, NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_next_batch(cursor, 1, 0, 0, NULL, &records, &count, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_next_batch(cursor, 1, 0, 0, &batch, NULL, &count, &failure));
  GIVES(SPATE_EINVAL, spate_claim_begin(queue, 1, 0, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_claim_abandon(NULL, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_begin(queue, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_append(transaction, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_set(transaction, NULL, "x", 1, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_set(transaction, "x", NULL, 1, &failure));
  GIVES(SPATE_EINVAL, spate_append_entry(queue, NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_append_wait(queue, NULL, SPATE_DURABLE, 0, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_append_at(queue, 0, NULL, SPATE_DURABLE, 0, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_append_packed(queue, NULL, 1, &(uint64_t){1}, 1, SPATE_DURABLE, 0, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_append_packed(queue, "x", 1, NULL, 1, SPATE_DURABLE, 0, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_append_entries(queue, NULL, 1, SPATE_DURABLE, 0, NULL, &failure));
  /* Without a place for the error the code is all there is. */
  CHECK(spate_queue_durable(queue, NULL, NULL) == SPATE_EINVAL);
}

/* Numbers that stand for nothing. */
static void numbersOutOfRange(void) {
  spate_queue *other;
  spate_cursor *fresh;
  spate_claim claim;
  spate_entry entry = {"x", 1, NULL, 0, NULL, 0, 0};
  struct iovec vector = {"x", 1};
  spate_queue_options queueOptions = SPATE_QUEUE_OPTIONS_INIT;
  queueOptions.flags = 1u << 20;
  GIVES(SPATE_EINVAL, spate_queue_open(store, "q", &queueOptions, &other, &failure));
  spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
  options.flags = 1u << 20;
  GIVES(SPATE_EINVAL, spate_cursor_open(queue, &options, &fresh, &failure));
  options.flags = 0;
  options.start = 77;
  GIVES(SPATE_EINVAL, spate_cursor_open(queue, &options, &fresh, &failure));
  options.start = SPATE_EARLIEST;
  options.level = 77;
  GIVES(SPATE_EINVAL, spate_cursor_open(queue, &options, &fresh, &failure));
  options.level = SPATE_DURABLE;
  options.batch_limit = UINT64_MAX;
  GIVES(SPATE_EINVAL, spate_cursor_open(queue, &options, &fresh, &failure));
  for (int level = -1; level <= 3; level += 4) {
    GIVES(SPATE_EINVAL, spate_append_wait(queue, &entry, level, 0, NULL, &failure));
    GIVES(SPATE_EINVAL, spate_append_at(queue, 0, &entry, level, 0, NULL, &failure));
    GIVES(SPATE_EINVAL, spate_append_batch(queue, &vector, 1, level, 0, NULL, &failure));
    GIVES(SPATE_EINVAL, spate_wait(queue, 0, level, 0, &failure));
    GIVES(SPATE_EINVAL, spate_transaction_commit(transaction, level, 0, NULL, &failure));
    GIVES(SPATE_EINVAL, spate_cursor_acknowledge(named, 0, level, 0, &failure));
  }
  /* A claim whose end was asked for wrongly is still there. */
  WORKS(spate_claim_begin(queue, 1, -1, &claim, &failure));
  GIVES(SPATE_EINVAL, spate_claim_publish(&claim, 77, 0, &failure));
  WORKS(spate_claim_abandon(&claim, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_seek(cursor, -1, 0, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_reset(named, 77, 0, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_reset(cursor, SPATE_EARLIEST, 0, &failure));
  GIVES(SPATE_ERANGE, spate_cursor_acknowledge(named, UINT64_MAX, SPATE_PUBLISHED, 0, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_acknowledge(transaction, cursor, 0, &failure));
  GIVES(SPATE_EINVAL, spate_transaction_acknowledge(transaction, (spate_cursor *)queue, 0, &failure));
  GIVES(SPATE_ERANGE, spate_transaction_acknowledge(transaction, named, UINT64_MAX, &failure));
}

/* Strings that are none, and bytes that do not fit. */
static void textAndBytes(void) {
  static char large[64 << 20], text[6000];
  size_t size;
  memset(text, 'x', sizeof text - 1);
  GIVES(SPATE_EINVAL, spate_queue_remove_cursor(queue, text, &failure));
  GIVES(SPATE_EINVAL, spate_queue_metadata(queue, text, NULL, 0, &size, &failure));
  GIVES(SPATE_EINVAL, spate_queue_metadata(queue, "\xff", NULL, 0, &size, &failure));
  GIVES(SPATE_E2BIG, spate_transaction_set(transaction, "value", large, (64 << 10) + 1, &failure));
  GIVES(SPATE_E2BIG, spate_transaction_set(transaction, "value", large, SIZE_MAX, &failure));
  spate_entry entry = {large, sizeof large, NULL, 0, NULL, 0, 0};
  GIVES(SPATE_E2BIG, spate_transaction_append(transaction, &entry, &failure));
  spate_entry half = {large, 20 << 20, NULL, 0, NULL, 0, 0};
  WORKS(spate_transaction_append(transaction, &half, &failure));
  GIVES(SPATE_E2BIG, spate_transaction_append(transaction, &half, &failure));
  GIVES(SPATE_E2BIG, spate_append_packed(queue, large, sizeof large, &(uint64_t){sizeof large}, 1, 0, 0, NULL, &failure));
  GIVES(SPATE_E2BIG, spate_append_entries(queue, &entry, 1, 0, 0, NULL, &failure));
  WORKS(spate_transaction_end(transaction, &failure));
  WORKS(spate_transaction_begin(queue, &transaction, &failure));
  WORKS(spate_transaction_set(transaction, "value", "1234", 4, &failure));
  WORKS(spate_transaction_commit(transaction, SPATE_DURABLE, -1, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_metadata(queue, "value", NULL, 4, &size, &failure));
  GIVES(SPATE_E2BIG, spate_queue_metadata(queue, "value", NULL, 0, &size, &failure));
  CHECK(size == 4);
}

/* A message that is longer than its room ends with a whole character. */
static void longMessage(void) {
  for (int shift = 0; shift < 3; shift++) {
    char path[900] = "/nowhere/";
    for (int index = 0; index < shift; index++) strcat(path, "x");
    for (int index = 0; index < 250; index++) strcat(path, "\xe2\x82\xac");
    spate_store *other;
    spate_store_options options = SPATE_STORE_OPTIONS_INIT;
    options.flags = SPATE_STORE_MUST_EXIST;
    spate_error failure = SPATE_ERROR_INIT;
    memset(failure.message, 0x7f, sizeof failure.message);
    CHECK(spate_store_open(path, &options, &other, &failure) < 0);
    size_t size = strnlen(failure.message, sizeof failure.message);
    CHECK(size < sizeof failure.message && size > sizeof failure.message - 8);
    CHECK(memcmp(failure.message + size - 3, "\xe2\x82\xac", 3) == 0);
  }
}

static volatile int code;

static void *waitForARecord(void *which) {
  spate_record record;
  code = spate_cursor_next(which, -1, &record, NULL);
  return NULL;
}

static void *commit(void *context) {
  (void)context;
  code = spate_transaction_commit(transaction, SPATE_DURABLE, -1, NULL, NULL);
  return NULL;
}

/* One thread at a time: the other one hears of it, while the first is in the call. */
static void overlaps(void) {
  pthread_t thread;
  spate_record record;
  spate_entry entry = {"x", 1, NULL, 0, NULL, 0, 0};
  spate_cursor *waiting;
  spate_claim claim;
  spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
  options.start = SPATE_LATEST;
  WORKS(spate_cursor_open(queue, &options, &waiting, &failure));
  CHECK(pthread_create(&thread, NULL, waitForARecord, waiting) == 0);
  usleep(100000);
  GIVES(SPATE_EBUSY, spate_cursor_next(waiting, 0, &record, &failure));
  GIVES(SPATE_EBUSY, spate_cursor_close(waiting, &failure));
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, NULL, &failure));
  pthread_join(thread, NULL);
  CHECK(code == 0);
  WORKS(spate_cursor_close(waiting, &failure));
  /* A claim holds the transaction back. */
  WORKS(spate_transaction_append(transaction, &entry, &failure));
  WORKS(spate_claim_begin(queue, 1, -1, &claim, &failure));
  CHECK(pthread_create(&thread, NULL, commit, NULL) == 0);
  usleep(100000);
  GIVES(SPATE_EBUSY, spate_transaction_append(transaction, &entry, &failure));
  WORKS(spate_claim_publish(&claim, SPATE_PUBLISHED, 0, &failure));
  pthread_join(thread, NULL);
  CHECK(code == 0);
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  spate_store_options options = SPATE_STORE_OPTIONS_INIT;
  options.claim_deadline_ns = 60000000000;
  WORKS(spate_store_open(at, &options, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  spate_entry entry = {"x", 1, NULL, 0, NULL, 0, 0};
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, NULL, &failure));
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  spate_cursor_options reader = SPATE_CURSOR_OPTIONS_INIT;
  reader.name = "reader";
  WORKS(spate_cursor_open(queue, &reader, &named, &failure));
  WORKS(spate_transaction_begin(queue, &transaction, &failure));
  placesThatAreMissing();
  numbersOutOfRange();
  textAndBytes();
  longMessage();
  overlaps();
  WORKS(spate_transaction_end(transaction, &failure));
  WORKS(spate_cursor_close(named, &failure));
  WORKS(spate_cursor_close(cursor, &failure));
  /* Nothing that was refused is counted as lent. */
  spate_store_statistics statistics = {.size = sizeof statistics};
  WORKS(spate_store_statistics_get(store, &statistics, &failure));
  CHECK(statistics.lent == 0);
  WORKS(spate_queue_close(queue, &failure));
  WORKS(spate_store_close(store, &failure));
  removeTree(path);
  puts("arguments: each one is looked at");
  return 0;
}
