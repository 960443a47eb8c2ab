/* What the disk can do: `bandwidth`, 1 MiB O_DIRECT | O_DSYNC writes, four in flight; `sync`, one 4 KiB direct
 * pwritev2(RWF_DSYNC) after the other. Both on a file whose blocks were all written before. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "baseline.h"
#include "harness.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

static int file;
static size_t block;
static bool serial;
static _Atomic uint64_t next_offset;

static void open_file(const struct settings *settings) {
  close(prewritten_file(settings->directory));
  char path[4096];
  snprintf(path, sizeof path, "%s/prewritten", settings->directory);
  serial = settings->producers == 1;
  file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC | (serial ? 0 : O_DSYNC));
  if (file < 0) fail("%s cannot be opened for direct writes: %m", path);
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  block = settings->size;
}

static void *begin(unsigned producer) {
  (void)producer;
  void *bytes;
  if (posix_memalign(&bytes, 4096, block)) fail("no memory");
  memset(bytes, 0x5a, block);
  return bytes;
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  (void)records;
  (void)count;
  uint64_t offset = atomic_fetch_add_explicit(&next_offset, size, memory_order_relaxed) % PREWRITTEN_BYTES;
  struct iovec vector = {.iov_base = producer, .iov_len = size};
  if (pwritev2(file, &vector, 1, (off_t)offset, serial ? RWF_DSYNC : 0) != (ssize_t)size) fail("pwritev2: %m");
}

int main(int argc, char **argv) {
  const struct peer peer = {.name = "disk", .window = "", .checks = "", .open = open_file,
                            .begin = begin, .append = append};
  return harness_main(argc, argv, &peer);
}
