#include "support.h"
#include <liburing.h>
#include <linux/magic.h>
#include <sys/vfs.h>

int climits_is_in_memory(const char *path) {
  struct statfs status;
  return statfs(path, &status) == 0 && status.f_type == TMPFS_MAGIC;
}

int climits_touch_memory(size_t byte_count) {
  void *memory = mmap(NULL, byte_count, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return -errno;
  munmap(memory, byte_count);
  return 0;
}

/* Past the page cache where the file system can; one in memory cannot, and has no limit to show either. */
static int open_direct(const char *path, int flags) {
  int file = open(path, flags | O_DIRECT);
  return file < 0 && errno == EINVAL ? open(path, flags) : file;
}

int climits_prewrite(const char *path, uint64_t byte_count) {
  struct stat status;
  if (stat(path, &status) == 0 && (uint64_t)status.st_size == byte_count) return 0;
  int file = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  if (file < 0) return -errno;
  const size_t piece = 1 << 20;
  void *bytes = touched_memory(piece);
  if (!bytes) {
    close(file);
    return -ENOMEM;
  }
  int result = 0;
  for (uint64_t offset = 0; offset < byte_count && result == 0;) {
    size_t count = byte_count - offset < piece ? (size_t)(byte_count - offset) : piece;
    ssize_t written = pwrite(file, bytes, count, (off_t)offset);
    if (written < 0 && errno != EINTR) result = -errno;
    if (written > 0) offset += (uint64_t)written;
  }
  if (result == 0 && fsync(file) < 0) result = -errno;
  /* Pages of this file must not be found, and dropped again, by the direct writes that are timed later. */
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  munmap(bytes, piece);
  close(file);
  return result;
}

int climits_direct_write(const char *path, uint64_t file_bytes, size_t block_bytes, unsigned depth,
                         double seconds, double *bytes_per_second, double *cpu_seconds_per_gigabyte) {
  int result = climits_prewrite(path, file_bytes);
  if (result) return result;
  int file = open_direct(path, O_RDWR | O_DSYNC | O_CLOEXEC);
  if (file < 0) return -errno;
  char *buffers = touched_memory((size_t)depth * block_bytes);
  struct io_uring ring;
  result = buffers ? io_uring_queue_init(depth * 2, &ring, 0) : -ENOMEM;
  if (result < 0) {
    if (buffers) munmap(buffers, (size_t)depth * block_bytes);
    close(file);
    return result;
  }
  uint64_t offset = 0, completed = 0;
  unsigned in_flight = 0;
  double cpu = cpu_seconds_used();
  uint64_t start = now_nanoseconds(), end = start + (uint64_t)(seconds * 1e9), finish = start;
  for (unsigned slot = 0; slot < depth; slot++) {
    struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
    io_uring_prep_write(entry, file, buffers + slot * block_bytes, (unsigned)block_bytes, offset);
    io_uring_sqe_set_data64(entry, slot);
    offset = (offset + block_bytes) % file_bytes;
    in_flight++;
  }
  while (in_flight > 0) {
    int submitted = io_uring_submit_and_wait(&ring, 1);
    if (submitted < 0 && submitted != -EINTR) {
      result = submitted;
      break;
    }
    finish = now_nanoseconds();
    struct io_uring_cqe *completion;
    while (io_uring_peek_cqe(&ring, &completion) == 0) {
      uint64_t slot = io_uring_cqe_get_data64(completion);
      if (completion->res != (int)block_bytes && result == 0)
        result = completion->res < 0 ? completion->res : -EIO;
      else
        completed += block_bytes;
      io_uring_cqe_seen(&ring, completion);
      in_flight--;
      if (finish >= end || result) continue;
      struct io_uring_sqe *entry = io_uring_get_sqe(&ring);
      io_uring_prep_write(entry, file, buffers + slot * block_bytes, (unsigned)block_bytes, offset);
      io_uring_sqe_set_data64(entry, slot);
      offset = (offset + block_bytes) % file_bytes;
      in_flight++;
    }
  }
  *cpu_seconds_per_gigabyte = completed ? (cpu_seconds_used() - cpu) / ((double)completed / 1e9) : 0;
  *bytes_per_second = (double)completed / ((double)(finish - start) / 1e9);
  io_uring_queue_exit(&ring);
  munmap(buffers, (size_t)depth * block_bytes);
  close(file);
  return result;
}

int climits_durable_write(const char *path, uint64_t file_bytes, size_t block_bytes, double seconds,
                          uint32_t *latencies, size_t capacity, size_t *count, double *elapsed) {
  int result = climits_prewrite(path, file_bytes);
  if (result) return result;
  int file = open_direct(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return -errno;
  char *block = touched_memory(block_bytes);
  if (!block) {
    close(file);
    return -ENOMEM;
  }
  struct iovec vector = {.iov_base = block, .iov_len = block_bytes};
  uint64_t offset = 0, start = now_nanoseconds(), end = start + (uint64_t)(seconds * 1e9), before = start;
  size_t made = 0;
  while (before < end && made < capacity) {
    memcpy(block, &before, sizeof before);
    ssize_t written = pwritev2(file, &vector, 1, (off_t)offset, RWF_DSYNC);
    if (written != (ssize_t)block_bytes) {
      result = written < 0 ? -errno : -EIO;
      break;
    }
    uint64_t after = now_nanoseconds(), latency = after - before;
    latencies[made++] = latency > UINT32_MAX ? UINT32_MAX : (uint32_t)latency;
    before = after;
    offset = (offset + block_bytes) % file_bytes;
  }
  *count = made;
  *elapsed = (double)(before - start) / 1e9;
  munmap(block, block_bytes);
  close(file);
  return result;
}

int climits_many_files(const char *directory, unsigned files, unsigned repeats, double *seconds) {
  const size_t block = 4096, file_bytes = 64 * 1024;
  int *descriptors = calloc(files, sizeof *descriptors);
  char *bytes = touched_memory(block);
  if (!descriptors || !bytes) {
    free(descriptors);
    if (bytes) munmap(bytes, block);
    return -ENOMEM;
  }
  int result = 0;
  unsigned opened = 0;
  for (; opened < files && result == 0; opened++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/file-%u", directory, opened);
    result = climits_prewrite(path, file_bytes);
    if (result) break;
    descriptors[opened] = open(path, O_RDWR | O_CLOEXEC);
    if (descriptors[opened] < 0) {
      result = -errno;
      break;
    }
  }
  for (unsigned repeat = 0; repeat < repeats && result == 0; repeat++) {
    off_t offset = (off_t)((repeat * block) % file_bytes);
    uint64_t start = now_nanoseconds();
    for (unsigned i = 0; i < files; i++) {
      memcpy(bytes, &start, sizeof start);
      if (pwrite(descriptors[i], bytes, block, offset) != (ssize_t)block || fdatasync(descriptors[i]) < 0) {
        result = errno ? -errno : -EIO;
        break;
      }
    }
    seconds[repeat] = (double)(now_nanoseconds() - start) / 1e9;
  }
  for (unsigned i = 0; i < opened; i++) close(descriptors[i]);
  free(descriptors);
  munmap(bytes, block);
  return result;
}
