#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "baseline.h"
#include "harness.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void write_fully(int file, const uint8_t *bytes, size_t count, uint64_t offset) {
  while (count) {
    ssize_t written = pwrite(file, bytes, count, (off_t)offset);
    if (written < 0) fail("pwrite: %m");
    bytes += written;
    count -= (size_t)written;
    offset += (uint64_t)written;
  }
}

int prewritten_file(const char *directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/prewritten", directory);
  int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  struct stat status;
  if (file < 0 || fstat(file, &status) < 0) fail("%s cannot be opened: %m", path);
  if (status.st_size == PREWRITTEN_BYTES) return file;
  enum { PIECE = 1 << 20 };
  uint8_t *bytes = malloc(PIECE);
  if (!bytes) fail("no memory");
  for (size_t i = 0; i < PIECE; i++) bytes[i] = (uint8_t)rand();
  for (uint64_t offset = 0; offset < PREWRITTEN_BYTES; offset += PIECE) write_fully(file, bytes, PIECE, offset);
  free(bytes);
  if (fsync(file) < 0) fail("fsync: %m");
  return file;
}
