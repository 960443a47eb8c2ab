/* A baseline in C: group commit by a leader. Threads add their records to a buffer; the first to find no leader takes
 * the buffer, writes and syncs it for all that are in it, while the next group gathers in the other one.
 *
 * No headers, no checksums, no recovery: less than any log must do. */
#include "baseline.h"
#include "harness.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER_BYTES = 8 << 20 };

static int file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint8_t *gathering, *writing;
static size_t gathered;
static uint64_t gathering_group = 1, durable_group, offset;
static bool has_leader;

static void open_file(const struct settings *settings) {
  file = prewritten_file(settings->directory);
  if (settings->producers * settings->size * WINDOW > BUFFER_BYTES) fail("records too large for the buffer");
  gathering = malloc(BUFFER_BYTES);
  writing = malloc(BUFFER_BYTES);
  if (!gathering || !writing) fail("no memory for the buffers");
}

/* With the lock held, which is let go while the disk works. */
static void lead(void) {
  has_leader = true;
  uint8_t *bytes = gathering;
  size_t count = gathered;
  uint64_t group = gathering_group++;
  gathering = writing;
  writing = bytes;
  gathered = 0;
  if (offset + count > PREWRITTEN_BYTES) offset = 0;
  uint64_t place = offset;
  offset += count;
  pthread_mutex_unlock(&lock);
  write_fully(file, bytes, count, place);
  if (fdatasync(file) < 0) fail("fdatasync: %m");
  pthread_mutex_lock(&lock);
  durable_group = group;
  has_leader = false;
  pthread_cond_broadcast(&changed);
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  (void)producer;
  pthread_mutex_lock(&lock);
  memcpy(gathering + gathered, records, size * count);
  gathered += size * count;
  uint64_t group = gathering_group;
  while (durable_group < group) {
    if (has_leader)
      pthread_cond_wait(&changed, &lock);
    else
      lead();
  }
  pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv) {
  const struct peer peer = {.name = "C: group commit", .window = "one copy", .checks = "nothing",
                            .open = open_file, .append = append};
  return harness_main(argc, argv, &peer);
}
