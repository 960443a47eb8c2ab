/* Who was replaced appends no more: handles of an older fencing epoch, by every function that appends. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 3, EPOCHS = 60 };

static const spate_entry entry = {"old", 3, NULL, 0, NULL, 0, 0};

/* Every function that appends refuses; the others go on. */
static void refuseAll(spate_queue *old, uint64_t end) {
  struct iovec vector = {"old", 3};
  uint64_t sequence = 77, size = 3, durable;
  spate_claim claim;
  spate_cursor *cursor;
  GIVES(SPATE_EFENCED, spate_append(old, "old", 3, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_entry(old, &entry, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_wait(old, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_batch(old, &vector, 1, SPATE_PUBLISHED, 0, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_batch(old, &vector, 1, SPATE_DURABLE, -1, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_packed(old, "old", 3, &size, 1, SPATE_DURABLE, -1, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_entries(old, &entry, 1, SPATE_DURABLE, -1, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_append_at(old, end, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  GIVES(SPATE_EFENCED, spate_claim_begin(old, 3, 0, &claim, &failure));
  GIVES(SPATE_EFENCED, spate_claim_begin(old, 3, -1, &claim, &failure));
  GIVES(SPATE_EFENCED, spate_truncate_tail(old, 0, &failure));
  CHECK(sequence == 77);
  spate_transaction *transaction;
  WORKS(spate_transaction_begin(old, &transaction, &failure));
  WORKS(spate_transaction_set(transaction, "leader", "old", 3, &failure));
  GIVES(SPATE_EFENCED, spate_transaction_commit(transaction, SPATE_DURABLE, -1, &sequence, &failure));
  WORKS(spate_transaction_end(transaction, &failure));
  GIVES(SPATE_ENOTFOUND, spate_queue_metadata(old, "leader", NULL, 0, NULL, &failure));
  WORKS(spate_queue_durable(old, &durable, &failure));
  CHECK(durable == end);
  WORKS(spate_cursor_open(old, NULL, &cursor, &failure));
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_trim_before(old, 0, &failure));
}

static void replace(const char *at) {
  spate_store *store;
  spate_queue *old, *new, *same, *again;
  uint64_t sequence, epoch = 9;
  int tag, descriptor;
  spate_queue_options options = SPATE_QUEUE_OPTIONS_INIT;
  options.tag = &tag;
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_store_event_fd(store, &descriptor, &failure));
  WORKS(spate_queue_open(store, "q", &options, &old, &failure));
  WORKS(spate_append_wait(old, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  WORKS(spate_queue_fencing_epoch(old, &epoch, &failure));
  CHECK(epoch == 0);
  GIVES(SPATE_EINVAL, spate_queue_fencing_epoch(old, NULL, &failure));
  GIVES(SPATE_EINVAL, spate_queue_fence(old, 5, -1, NULL, &failure));
  WORKS(spate_queue_fence(old, 5, -1, &new, &failure));
  CHECK(new != old);
  GIVES(SPATE_EFENCED, spate_queue_fence(old, 4, -1, &same, &failure));
  WORKS(spate_queue_fence(old, 5, -1, &same, &failure));
  CHECK(same == new);
  WORKS(spate_queue_close(same, &failure));
  WORKS(spate_queue_open(store, "q", &options, &same, &failure));
  CHECK(same == new);
  WORKS(spate_queue_close(same, &failure));
  refuseAll(old, 1);
  WORKS(spate_append_wait(new, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  CHECK(sequence == 1);
  WORKS(spate_queue_fencing_epoch(old, &epoch, &failure));
  CHECK(epoch == 5);
  /* The handle of the newest epoch is told of, with the tag. */
  spate_advance advance = {0};
  size_t count = 0;
  for (int attempt = 0; count == 0 && attempt < 3000; attempt++, usleep(1000)) {
    WORKS(spate_store_advances(store, &advance, 1, &count, &failure));
  }
  CHECK(count == 1 && advance.queue == new && advance.tag == &tag);
  /* What is lent by either handle keeps the queue from being dropped. */
  spate_batch *batch;
  const spate_record *record;
  WORKS(spate_queue_read(old, 0, &batch, &record, &failure));
  GIVES(SPATE_EBUSY, spate_store_drop(store, "q", &failure));
  GIVES(SPATE_EBUSY, spate_queue_close(old, &failure));
  WORKS(spate_batch_release(batch, &failure));
  WORKS(spate_queue_close(new, &failure));
  /* Without a handle of the newest epoch the older one is told of. */
  WORKS(spate_queue_open(store, "q", NULL, &again, &failure));
  CHECK(again != old);
  WORKS(spate_append_wait(again, &entry, SPATE_DURABLE, -1, NULL, &failure));
  WORKS(spate_queue_close(again, &failure));
  for (count = 0; count == 0; usleep(1000)) WORKS(spate_store_advances(store, &advance, 1, &count, &failure));
  CHECK(advance.queue == old);
  WORKS(spate_queue_close(old, &failure));
  WORKS(spate_store_close(store, &failure));
  /* The epoch is there after a start. */
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &new, &failure));
  WORKS(spate_queue_fencing_epoch(new, &epoch, &failure));
  CHECK(epoch == 5);
  GIVES(SPATE_EFENCED, spate_queue_fence(new, 4, -1, &old, &failure));
  WORKS(spate_append_wait(new, &entry, SPATE_DURABLE, -1, &sequence, &failure));
  CHECK(sequence == 3);
  WORKS(spate_queue_close(new, &failure));
  WORKS(spate_store_close(store, &failure));
}

static spate_store *shared;
static volatile int isOver;

/* A leader that does not hear of the next one before it is refused. */
static void *lead(void *context) {
  uint64_t *count = context;
  while (!isOver) {
    spate_queue *queue;
    uint64_t epoch;
    WORKS(spate_queue_open(shared, "race", NULL, &queue, &failure));
    WORKS(spate_queue_fencing_epoch(queue, &epoch, &failure));
    int code;
    while ((code = spate_append(queue, &epoch, sizeof epoch, NULL, NULL)) == 0 || code == SPATE_EAGAIN) {
      if (code == 0 && ++*count % 64 == 0) usleep(100);
      if (isOver) break;
    }
    CHECK(code == 0 || code == SPATE_EAGAIN || code == SPATE_EFENCED);
    WORKS(spate_queue_close(queue, &failure));
  }
  return NULL;
}

/* Records of an epoch that were told as durable by the next one's fence are all that there are of it. */
static void race(const char *at) {
  pthread_t threads[THREADS];
  uint64_t counts[THREADS] = {0}, ends[EPOCHS + 1] = {0}, total = 0;
  spate_queue *queue, *leader;
  WORKS(spate_store_open(at, NULL, &shared, &failure));
  WORKS(spate_queue_open(shared, "race", NULL, &queue, &failure));
  for (int index = 0; index < THREADS; index++) CHECK(pthread_create(&threads[index], NULL, lead, &counts[index]) == 0);
  for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
    WORKS(spate_queue_fence(queue, epoch, -1, &leader, &failure));
    WORKS(spate_append_wait(leader, &(spate_entry){"mark", 4, NULL, 0, NULL, 0, 0}, SPATE_DURABLE, -1, &ends[epoch], &failure));
    WORKS(spate_queue_close(leader, &failure));
  }
  isOver = 1;
  for (int index = 0; index < THREADS; index++) {
    pthread_join(threads[index], NULL);
    total += counts[index];
  }
  WORKS(spate_queue_close(queue, &failure));
  WORKS(spate_store_close(shared, &failure));
  WORKS(spate_store_open(at, NULL, &shared, &failure));
  WORKS(spate_queue_open(shared, "race", NULL, &queue, &failure));
  spate_cursor *cursor;
  spate_record record;
  uint64_t found = 0;
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  while (spate_cursor_next(cursor, 0, &record, NULL) == 0) {
    if (record.payload_size != sizeof(uint64_t)) continue;
    uint64_t epoch;
    memcpy(&epoch, record.payload, sizeof epoch);
    CHECK(epoch <= EPOCHS);
    /* The epoch that was looked at may be newer than the handle's, and never older. */
    if (epoch < EPOCHS) CHECK(record.sequence < ends[epoch + 1]);
    found++;
  }
  CHECK(found == total);
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_queue_close(queue, &failure));
  WORKS(spate_store_close(shared, &failure));
  printf("fence: %d epochs, %llu records, none of an older epoch behind a newer one\n", EPOCHS, (unsigned long long)found);
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  replace(at);
  race(at);
  removeTree(path);
  return 0;
}
