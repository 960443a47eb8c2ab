#define _GNU_SOURCE
#include "CSpateDescriptors.h"
#include "CSpatePage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int spate_page_make(const char *name, size_t byteCount) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  // Nobody who maps it can shrink it under the others.
  if (ftruncate(fd, (off_t)byteCount) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return spate_descriptor_note(fd);
}

int spate_page_open(int process, int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", process, descriptor);
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -errno;
  // Only a file without a name that cannot shrink: the number may stand for anything by now.
  int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || !(seals & F_SEAL_SHRINK)) {
    close(fd);
    return -ESTALE;
  }
  return spate_descriptor_note(fd);
}

int spate_page_map(int fd, size_t byteCount, void **address) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -errno;
  if ((size_t)status.st_size < byteCount) return -ESTALE;
  void *mapped = mmap(0, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (mapped == MAP_FAILED) return -errno;
  *address = mapped;
  return 0;
}

void spate_page_unmap(void *address, size_t byteCount) { munmap(address, byteCount); }

int spate_page_wait(const uint32_t *word, uint32_t expected, int64_t absolute_monotonic_ns) {
  struct timespec limit = {
      .tv_sec = absolute_monotonic_ns / 1000000000, .tv_nsec = absolute_monotonic_ns % 1000000000};
  long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, &limit, 0, FUTEX_BITSET_MATCH_ANY);
  return result < 0 ? -errno : 0;
}

void spate_page_wake(const uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, 0, 0, 0); }
