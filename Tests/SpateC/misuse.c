/* Wrong arguments, closed handles and absurd sizes give codes. */
#include "check.h"

#include <pthread.h>

static void *const garbage[] = {NULL, (void *)1, (void *)-1, (void *)0x7fff00000000, (void *)0x101, (void *)0xffffff02};

static void noHandles(void) {
  spate_queue *queue;
  spate_cursor *cursor;
  spate_batch *batch;
  const spate_record *records;
  spate_record record;
  spate_entry entry = {"x", 1, NULL, 0, NULL, 0, 0};
  spate_ranges *ranges;
  const spate_range *array;
  spate_transaction *transaction;
  spate_claim claim;
  size_t count;
  uint64_t number;
  int descriptor;
  for (size_t index = 0; index < sizeof garbage / sizeof *garbage; index++) {
    void *bad = garbage[index];
    GIVES(SPATE_EINVAL, spate_store_close(bad, &failure));
    GIVES(SPATE_EINVAL, spate_queue_open(bad, "q", NULL, &queue, &failure));
    GIVES(SPATE_EINVAL, spate_store_drop(bad, "q", &failure));
    GIVES(SPATE_EINVAL, spate_store_event_fd(bad, &descriptor, &failure));
    GIVES(SPATE_EINVAL, spate_queue_close(bad, &failure));
    GIVES(SPATE_EINVAL, spate_queue_durable(bad, &number, &failure));
    GIVES(SPATE_EINVAL, spate_append(bad, "x", 1, &number, &failure));
    GIVES(SPATE_EINVAL, spate_append_entry(bad, &entry, &number, &failure));
    GIVES(SPATE_EINVAL, spate_append_wait(bad, &entry, 0, 0, &number, &failure));
    GIVES(SPATE_EINVAL, spate_append_at(bad, 0, &entry, 0, 0, &number, &failure));
    GIVES(SPATE_EINVAL, spate_claim_begin(bad, 1, 0, &claim, &failure));
    GIVES(SPATE_EINVAL, spate_wait(bad, 0, 0, 0, &failure));
    GIVES(SPATE_EINVAL, spate_cursor_open(bad, NULL, &cursor, &failure));
    GIVES(SPATE_EINVAL, spate_cursor_close(bad, &failure));
    GIVES(SPATE_EINVAL, spate_cursor_next(bad, 0, &record, &failure));
    GIVES(SPATE_EINVAL, spate_cursor_next_batch(bad, 0, 0, 0, &batch, &records, &count, &failure));
    GIVES(SPATE_EINVAL, spate_cursor_acknowledge(bad, 0, 0, 0, &failure));
    GIVES(SPATE_EINVAL, spate_batch_release(bad, &failure));
    GIVES(SPATE_EINVAL, spate_batch_acknowledge(bad, 0, 0, &failure));
    GIVES(SPATE_EINVAL, spate_queue_read(bad, 0, &batch, &records, &failure));
    GIVES(SPATE_EINVAL, spate_trim_before(bad, 0, &failure));
    GIVES(SPATE_EINVAL, spate_truncate_tail(bad, 0, &failure));
    GIVES(SPATE_EINVAL, spate_queue_ranges(bad, 0, 0, 1, &ranges, &array, &count, &number, &failure));
    GIVES(SPATE_EINVAL, spate_ranges_release(bad, &failure));
    GIVES(SPATE_EINVAL, spate_transaction_begin(bad, &transaction, &failure));
    GIVES(SPATE_EINVAL, spate_transaction_commit(bad, 0, 0, NULL, &failure));
  }
  memset(&claim, 0, sizeof claim);
  GIVES(SPATE_EINVAL, spate_claim_publish(&claim, 0, 0, &failure));
  GIVES(SPATE_EINVAL, spate_claim_publish(NULL, 0, 0, &failure));
}

static void badOptions(const char *at) {
  spate_store *store = NULL;
  spate_store_options options = SPATE_STORE_OPTIONS_INIT;
  GIVES(SPATE_EINVAL, spate_store_open(NULL, NULL, &store, &failure));
  GIVES(SPATE_EINVAL, spate_store_open(at, NULL, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_store_open("\xff\xfe", NULL, &store, &failure));
  options.size = 0;
  GIVES(SPATE_EINVAL, spate_store_open(at, &options, &store, &failure));
  options.size = SIZE_MAX;
  GIVES(SPATE_EINVAL, spate_store_open(at, &options, &store, &failure));
  options.size = sizeof options;
  options.flags = UINT64_MAX;
  GIVES(SPATE_EINVAL, spate_store_open(at, &options, &store, &failure));
  options.flags = 0;
  options.memory_budget = UINT64_MAX;
  GIVES(SPATE_EINVAL, spate_store_open(at, &options, &store, &failure));
  /* A newer caller, whose new field is not used, is welcome; one that uses it is not. */
  struct { spate_store_options known; uint64_t later; } newer = {.known = {.size = sizeof newer}, .later = 1};
  GIVES(SPATE_EINVAL, spate_store_open(at, &newer.known, &store, &failure));
  newer.later = 0;
  WORKS(spate_store_open(at, &newer.known, &store, &failure));
  /* An older one has less room. */
  struct { size_t size; uint64_t syncs, guard; } older = {.size = 16, .guard = 77};
  WORKS(spate_store_statistics_get(store, (spate_store_statistics *)&older, &failure));
  CHECK(older.guard == 77 && older.size == 16);
  WORKS(spate_store_close(store, &failure));
  GIVES(SPATE_ECLOSED, spate_store_close(store, &failure));
  spate_error small = {.size = 8};
  CHECK(spate_store_close(store, &small) == SPATE_ECLOSED && small.code == 0);
}

static void absurdSizes(spate_queue *queue) {
  uint64_t number = 42;
  GIVES(SPATE_EINVAL, spate_append(queue, NULL, 1, &number, &failure));
  WORKS(spate_append_wait(queue, &(spate_entry){0}, SPATE_DURABLE, -1, NULL, &failure));
  size_t sizes[] = {SIZE_MAX, SIZE_MAX / 2, (size_t)1 << 40, ((size_t)1 << 30) + 1, (size_t)1 << 30};
  for (int index = 0; index < 5; index++) {
    spate_claim claim;
    GIVES(SPATE_E2BIG, spate_append(queue, "x", sizes[index], &number, &failure));
    spate_entry entry = {"x", 1, "k", sizes[index], NULL, 0, 0};
    GIVES(SPATE_E2BIG, spate_append_wait(queue, &entry, 0, 0, &number, &failure));
    GIVES(SPATE_E2BIG, spate_append_at(queue, 1, &entry, 0, 0, &number, &failure));
    int code = spate_claim_begin(queue, sizes[index], 0, &claim, NULL);
    CHECK(code == SPATE_E2BIG || code == SPATE_EINVAL);
    struct iovec vector = {"x", sizes[index]};
    if (index < 4) GIVES(SPATE_E2BIG, spate_append_batch(queue, &vector, 1, 0, 0, &number, &failure));
    GIVES(SPATE_EINVAL, spate_append_batch(queue, &vector, sizes[index], 0, 0, &number, &failure));
    uint64_t size = sizes[index];
    GIVES(SPATE_EINVAL, spate_append_packed(queue, "x", 1, &size, 1, 0, 0, &number, &failure));
  }
  /* The same bytes so often that no memory would be enough. */
  static char large[1 << 20];
  struct iovec often[256];
  for (int index = 0; index < 256; index++) often[index] = (struct iovec){large, sizeof large};
  GIVES(SPATE_E2BIG, spate_append_batch(queue, often, 256, 0, 0, &number, &failure));
  uint64_t two[] = {1, 1};
  GIVES(SPATE_EINVAL, spate_append_packed(queue, "xyz", 3, two, 2, 0, 0, &number, &failure));
  GIVES(SPATE_EINVAL, spate_append_batch(queue, NULL, 0, 0, 0, &number, &failure));
  GIVES(SPATE_EINVAL, spate_wait(queue, 0, 9, 0, &failure));
  GIVES(SPATE_ERANGE, spate_wait(queue, UINT64_MAX, 0, 0, &failure));
  GIVES(SPATE_ERANGE, spate_truncate_tail(queue, UINT64_MAX, &failure));
  WORKS(spate_trim_before(queue, UINT64_MAX, &failure));
  CHECK(number == 42);
}

static void *closer(void *queue) {
  for (int index = 0; index < 1000; index++) spate_append(queue, "x", 1, NULL, NULL);
  return NULL;
}

static void closedHandles(const char *at) {
  spate_store *store;
  spate_queue *queue, *second;
  spate_cursor *cursor;
  spate_record record;
  WORKS(spate_store_open(at, NULL, &store, &failure));
  GIVES(SPATE_EINVAL, spate_queue_open(store, "", NULL, &queue, &failure));
  GIVES(SPATE_EINVAL, spate_queue_open(store, "../x", NULL, &queue, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  absurdSizes(queue);
  GIVES(SPATE_EINVAL, spate_cursor_next((spate_cursor *)queue, 0, &record, &failure));
  GIVES(SPATE_EINVAL, spate_append((spate_queue *)store, "x", 1, NULL, &failure));
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_next(cursor, 0, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_acknowledge(cursor, 0, 0, 0, &failure));
  GIVES(SPATE_EINVAL, spate_cursor_seek(cursor, 77, 0, &failure));
  GIVES(SPATE_ERANGE, spate_cursor_seek(cursor, SPATE_SEQUENCE, 500, &failure));
  WORKS(spate_cursor_next(cursor, 0, &record, &failure));
  /* A view is lent. */
  GIVES(SPATE_EBUSY, spate_store_close(store, &failure));
  WORKS(spate_cursor_release(cursor, &failure));
  spate_claim claim, copy;
  WORKS(spate_claim_begin(queue, 5, -1, &claim, &failure));
  GIVES(SPATE_EBUSY, spate_store_close(store, &failure));
  GIVES(SPATE_EBUSY, spate_queue_close(queue, &failure));
  copy = claim;
  GIVES(SPATE_EINVAL, spate_claim_abandon(&copy, &failure));
  WORKS(spate_claim_abandon(&claim, &failure));
  /* The place of a closed handle is given to something else: the old token stays closed. */
  WORKS(spate_cursor_close(cursor, &failure));
  for (int index = 0; index < 100; index++) {
    spate_cursor *other;
    WORKS(spate_cursor_open(queue, NULL, &other, &failure));
    CHECK(other != cursor);
    GIVES(SPATE_ECLOSED, spate_cursor_next(cursor, 0, &record, &failure));
    WORKS(spate_cursor_close(other, &failure));
  }
  WORKS(spate_queue_open(store, "second", NULL, &second, &failure));
  WORKS(spate_queue_close(second, &failure));
  GIVES(SPATE_ECLOSED, spate_append(second, "x", 1, NULL, &failure));
  /* Closing the store beside appends: they end with a code. */
  pthread_t threads[4];
  for (int index = 0; index < 4; index++) CHECK(pthread_create(&threads[index], NULL, closer, queue) == 0);
  WORKS(spate_store_close(store, &failure));
  for (int index = 0; index < 4; index++) pthread_join(threads[index], NULL);
  GIVES(SPATE_ECLOSED, spate_store_close(store, &failure));
  GIVES(SPATE_ECLOSED, spate_cursor_open(queue, &(spate_cursor_options){.size = sizeof(spate_cursor_options), .name = "n"}, &cursor, &failure));
  WORKS(spate_queue_close(queue, &failure));
}

struct waiter {
  spate_queue *queue;
  int kind, code;
};

/* Waits for what does not come. */
static void *waitForEver(void *context) {
  struct waiter *waiter = context;
  spate_cursor *cursor;
  spate_batch *batch;
  const spate_record *records;
  spate_record record;
  size_t count;
  spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
  options.start = SPATE_LATEST;
  if (waiter->kind == 2) {
    waiter->code = spate_wait(waiter->queue, 1000, SPATE_DURABLE, -1, NULL);
    return NULL;
  }
  WORKS(spate_cursor_open(waiter->queue, &options, &cursor, &failure));
  waiter->code = waiter->kind ? spate_cursor_next_batch(cursor, 0, 0, -1, &batch, &records, &count, NULL)
                              : spate_cursor_next(cursor, -1, &record, NULL);
  WORKS(spate_cursor_close(cursor, &failure));
  return NULL;
}

/* Nothing is lent to who waits, so that the store can be closed; the waits end with that. */
static void closeBesideWaits(const char *at) {
  spate_store *store;
  struct waiter waiters[3];
  pthread_t threads[3];
  WORKS(spate_store_open(at, NULL, &store, &failure));
  for (int kind = 0; kind < 3; kind++) {
    waiters[kind].kind = kind;
    WORKS(spate_queue_open(store, "waits", NULL, &waiters[kind].queue, &failure));
    CHECK(pthread_create(&threads[kind], NULL, waitForEver, &waiters[kind]) == 0);
  }
  usleep(100000);
  WORKS(spate_store_close(store, &failure));
  for (int kind = 0; kind < 3; kind++) {
    pthread_join(threads[kind], NULL);
    CHECK(waiters[kind].code == SPATE_ECLOSED);
    WORKS(spate_queue_close(waiters[kind].queue, &failure));
  }
}

/* A closed store lends nothing more, not even what a cursor has before it. */
static void lendNothingOfAClosedStore(const char *at) {
  spate_store *store;
  spate_queue *queue;
  spate_cursor *cursor;
  spate_batch *batch;
  spate_record record;
  const spate_record *records;
  size_t count;
  spate_entry entry = {"x", 1, NULL, 0, NULL, 0, 0};
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "lent", NULL, &queue, &failure));
  for (int index = 0; index < 5; index++) WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, NULL, &failure));
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  WORKS(spate_cursor_next(cursor, 0, &record, &failure));
  WORKS(spate_cursor_release(cursor, &failure));
  WORKS(spate_store_close(store, &failure));
  GIVES(SPATE_ECLOSED, spate_cursor_next(cursor, 0, &record, &failure));
  GIVES(SPATE_ECLOSED, spate_cursor_next_batch(cursor, 0, 0, 0, &batch, &records, &count, &failure));
  GIVES(SPATE_ECLOSED, spate_queue_read(queue, 0, &batch, &records, &failure));
  CHECK(batch == NULL);
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_queue_close(queue, &failure));
}

/* A queue that was dropped and made again has a handle of its own, and the old one stays closed. */
static void dropAndMakeAgain(const char *at) {
  spate_store *store;
  spate_queue *old, *new;
  spate_ranges *ranges;
  const spate_range *array;
  size_t count;
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "brief", NULL, &old, &failure));
  spate_entry entry = {"x", 1, NULL, 0, NULL, 0, 0};
  WORKS(spate_append_wait(old, &entry, SPATE_DURABLE, -1, NULL, &failure));
  WORKS(spate_queue_ranges(old, 0, UINT64_MAX, 1, &ranges, &array, &count, NULL, &failure));
  GIVES(SPATE_EBUSY, spate_store_drop(store, "brief", &failure));
  WORKS(spate_ranges_release(ranges, &failure));
  WORKS(spate_store_drop(store, "brief", &failure));
  WORKS(spate_queue_open(store, "brief", NULL, &new, &failure));
  CHECK(old != new);
  GIVES(SPATE_ECLOSED, spate_append_wait(old, &entry, SPATE_DURABLE, -1, NULL, &failure));
  uint64_t sequence = 9;
  WORKS(spate_append_wait(new, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  CHECK(sequence == 0);
  WORKS(spate_queue_close(old, &failure));
  WORKS(spate_queue_close(new, &failure));
  WORKS(spate_store_close(store, &failure));
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  noHandles();
  badOptions(at);
  closedHandles(at);
  closeBesideWaits(at);
  lendNothingOfAClosedStore(at);
  dropAndMakeAgain(at);
  CHECK(strcmp(spate_code_name(SPATE_EAGAIN), "SPATE_EAGAIN") == 0);
  CHECK(strcmp(spate_code_name(-1000), "SPATE_E?") == 0 && strcmp(spate_code_name(3), "SPATE_END") == 0);
  removeTree(path);
  puts("misuse: every call gave a code");
  return 0;
}
