/* A full disk refuses appends, and nothing else; appending goes on once there is room. Below a directory on a small file
 * system, or with a quota where none is given. */
#include "check.h"

enum { SIZE = 3000 };

int main(int argc, char **argv) {
  int isSmall = argc > 2;
  const char *path = scratch(argc, argv);
  char at[600], bytes[SIZE];
  snprintf(at, sizeof at, "%s/store", path);
  spate_store *store;
  spate_queue *queue;
  spate_store_options options = SPATE_STORE_OPTIONS_INIT;
  options.memory_budget = 4 << 20;
  options.maximal_segment = 64 << 10;
  if (!isSmall) options.quota = 2 << 20;
  WORKS(spate_store_open(at, &options, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  uint64_t sequence = 0, count = 0;
  int refusals = 0;
  for (int round = 0; round < 3; round++) {
    spate_entry entry = {bytes, SIZE, NULL, 0, NULL, 0, 0};
    uint64_t before = count;
    int code, patience = 60;
    do {
      memset(bytes, (int)(count & 0xFF), SIZE);
      /* There is room at the beginning of each round, if not at once. */
      int64_t timeout = count == before ? 60000000000 : 1000000000;
      code = spate_append_wait(queue, &entry, SPATE_PUBLISHED, timeout, &sequence, NULL);
      if (code == 0) CHECK(sequence == count++);
      /* A slow disk back-pressures before it is full. */
    } while ((code == 0 && count < 1000000) || (code == SPATE_EAGAIN && patience-- > 0));
    CHECK(count > before + 100);
    CHECK(code == SPATE_EFULL);
    GIVES(SPATE_EFULL, spate_append(queue, bytes, SIZE, &sequence, &failure));
    refusals++;
    /* Reading goes on. */
    spate_cursor *cursor;
    spate_record record;
    uint64_t read = 0;
    WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
    while (spate_cursor_next(cursor, 0, &record, NULL) == 0) {
      CHECK(record.payload_size == SIZE && *(const uint8_t *)record.payload == (record.sequence & 0xFF));
      read++;
    }
    CHECK(read > 100);
    WORKS(spate_cursor_close(cursor, &failure));
    /* So does trimming, and what was published becomes durable then. */
    uint64_t durable;
    WORKS(spate_queue_durable(queue, &durable, &failure));
    WORKS(spate_trim_before(queue, durable, &failure));
    WORKS(spate_wait(queue, count - 1, SPATE_DURABLE, 30000000000, &failure));
  }
  WORKS(spate_store_close(store, &failure));
  WORKS(spate_queue_close(queue, &failure));
  WORKS(spate_store_open(at, &options, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  uint64_t durable;
  WORKS(spate_queue_durable(queue, &durable, &failure));
  CHECK(durable == count);
  WORKS(spate_store_close(store, &failure));
  WORKS(spate_queue_close(queue, &failure));
  removeTree(path);
  printf("fulldisk: %d times full, %llu records, none lost (%s)\n", refusals, (unsigned long long)count,
         isSmall ? "a small file system" : "a quota");
  return 0;
}
