/* A baseline in C: a file whose blocks were all written before, one pwrite and one fdatasync for each append (or for
 * 64 records). Nothing is shared between producers but the next offset; the file is used again from its beginning.
 *
 * No headers, no checksums, no recovery: less than any log must do. */
#include "baseline.h"
#include "harness.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

static int file;
static bool syncs;
static size_t record_size, read_bytes;
static _Atomic uint64_t next_offset;

static void open_file(const struct settings *settings) {
  file = prewritten_file(settings->directory);
  syncs = settings->level == LEVEL_DURABLE;
  record_size = settings->size;
  read_bytes = settings->bytes + WINDOW * settings->size;
  if (strcmp(settings->work, "read") == 0 && read_bytes > PREWRITTEN_BYTES)
    fail("the file holds %d bytes; fill in less", PREWRITTEN_BYTES);
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  (void)producer;
  size_t bytes = size * count;
  uint64_t places = PREWRITTEN_BYTES / bytes;
  uint64_t place = atomic_fetch_add_explicit(&next_offset, 1, memory_order_relaxed) % places;
  write_fully(file, records, bytes, place * bytes);
  if (syncs && fdatasync(file) < 0) fail("fdatasync: %m");
}

static void read_all(struct reader *reader) {
  uint8_t *bytes = mmap(NULL, read_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
  if (bytes == MAP_FAILED) fail("mmap: %m");
  for (const uint8_t *record = bytes; reader_take(reader, record, record_size);) record += record_size;
  munmap(bytes, read_bytes);
}

int main(int argc, char **argv) {
  const struct peer peer = {.name = "C: pwrite + fdatasync", .window = "one write", .checks = "nothing",
                            .open = open_file, .append = append, .read = read_all};
  return harness_main(argc, argv, &peer);
}
