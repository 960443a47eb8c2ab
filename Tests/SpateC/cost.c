/* What a record costs through the interface, and that none costs an allocation. Prints the times; they are for a person
 * to judge. */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <time.h>

enum { PAYLOAD = 64, ROUNDS = 12, BURST = 200000, BATCH = 1024, TAIL = 4096 };

/* Counts what this thread allocates, here and in the library: its calls find these functions first. */
static __thread size_t allocations;
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  allocations++;
  return __libc_realloc(old, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  allocations++;
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static spate_queue *queue;
static uint64_t appended;

/* The best of the bursts, in ns a record. */
static double best = 1e9;

static void note(double began, size_t count) {
  double each = (now() - began) / (double)count;
  if (each < best) best = each;
}

static void report(const char *what, size_t records, size_t allocated) {
  printf("cost: %-34s %6.1f ns a record, %zu allocations in %zu records\n", what, best, allocated, records);
  CHECK(allocated * 100 <= records);
  best = 1e9;
}

static void settle(void) { WORKS(spate_wait(queue, appended - 1, SPATE_DURABLE, -1, &failure)); }

static void measureAppends(void) {
  char payload[PAYLOAD];
  memset(payload, 'p', sizeof payload);
  size_t before = allocations;
  for (int round = 0; round < ROUNDS; round++) {
    double began = now();
    for (int index = 0; index < BURST; index++) {
      while (spate_append(queue, payload, PAYLOAD, NULL, NULL) != 0) usleep(100);
    }
    note(began, BURST);
    appended += BURST;
    settle();
  }
  report("append of 64 B, published", (size_t)ROUNDS * BURST, allocations - before);
}

static void measureBatchAppends(void) {
  static char payloads[BATCH][PAYLOAD];
  static struct iovec vectors[BATCH];
  for (int index = 0; index < BATCH; index++) vectors[index] = (struct iovec){payloads[index], PAYLOAD};
  WORKS(spate_append_batch(queue, vectors, BATCH, SPATE_DURABLE, -1, NULL, &failure));
  appended += BATCH;
  size_t before = allocations;
  for (int round = 0; round < ROUNDS; round++) {
    double began = now();
    for (int index = 0; index < BURST / BATCH; index++) {
      while (spate_append_batch(queue, vectors, BATCH, SPATE_PUBLISHED, 0, NULL, NULL) != 0) usleep(100);
    }
    note(began, BURST / BATCH * BATCH);
    appended += BURST / BATCH * BATCH;
    settle();
  }
  report("append of 64 B in batches of 1024", (size_t)ROUNDS * (BURST / BATCH * BATCH), allocations - before);
}

static void burst(void) {
  char payload[PAYLOAD];
  memset(payload, 'p', sizeof payload);
  for (int index = 0; index < TAIL; index++) {
    while (spate_append(queue, payload, PAYLOAD, NULL, NULL) != 0) usleep(100);
  }
  appended += TAIL;
}

static spate_cursor *openAtTail(void) {
  spate_cursor *cursor;
  spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
  options.start = SPATE_LATEST;
  options.level = SPATE_PUBLISHED;
  WORKS(spate_cursor_open(queue, &options, &cursor, &failure));
  return cursor;
}

/* A consumer that keeps up takes what came since it looked last. */
static void measureLentBatches(int isTouched) {
  spate_cursor *cursor = openAtTail();
  size_t before = allocations, records = 0;
  uint64_t sum = 0;
  for (int round = 0; round < ROUNDS * 10; round++) {
    burst();
    size_t seen = 0;
    double began = now();
    while (seen < TAIL) {
      spate_batch *batch;
      const spate_record *views;
      size_t count;
      CHECK(spate_cursor_next_batch(cursor, 0, 0, -1, &batch, &views, &count, NULL) == 0);
      if (isTouched) {
        for (size_t index = 0; index < count; index++) sum += *(const uint8_t *)views[index].payload;
      }
      seen += count;
      CHECK(spate_batch_release(batch, NULL) == 0);
    }
    note(began, TAIL);
    records += TAIL;
  }
  report(isTouched ? "lent batch, payload touched" : "lent batch", records, allocations - before);
  CHECK(isTouched == (sum > 0));
  WORKS(spate_cursor_close(cursor, &failure));
}

static void measureNext(void) {
  spate_cursor *cursor = openAtTail();
  spate_record record;
  size_t before = allocations, records = 0;
  for (int round = 0; round < ROUNDS * 10; round++) {
    burst();
    double began = now();
    for (int index = 0; index < TAIL; index++) CHECK(spate_cursor_next(cursor, -1, &record, NULL) == 0);
    note(began, TAIL);
    records += TAIL;
  }
  report("next, one after the other", records, allocations - before);
  WORKS(spate_cursor_close(cursor, &failure));
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  spate_store *store;
  spate_store_options options = SPATE_STORE_OPTIONS_INIT;
  options.memory_budget = 256 << 20;
  WORKS(spate_store_open(at, &options, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  size_t before = allocations;
  free(malloc(1));
  CHECK(allocations == before + 1);
  measureBatchAppends();
  measureAppends();
  measureLentBatches(0);
  measureLentBatches(1);
  measureNext();
  WORKS(spate_queue_close(queue, &failure));
  WORKS(spate_store_close(store, &failure));
  removeTree(path);
  return 0;
}
