#define _GNU_SOURCE
#include "CSpateDescriptors.h"
#include "CSpateFiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

// Headers older than the kernel lack these; the values are part of the kernel's interface.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef STATX_DIOALIGN
#define STATX_DIOALIGN 0x00002000U
#endif

#define RETRY(call)                              \
  ({                                             \
    __typeof__(call) retried;                    \
    do retried = (call);                         \
    while (retried < 0 && errno == EINTR);       \
    retried;                                     \
  })

int spate_openat(int dirfd, const char *path, unsigned flags) {
  int mode = O_CLOEXEC | (flags & SPATE_OPEN_WRITE ? O_RDWR : O_RDONLY);
  if (flags & SPATE_OPEN_CREATE) mode |= O_CREAT | O_EXCL;
  if (flags & SPATE_OPEN_DIRECT) mode |= O_DIRECT;
  if (flags & SPATE_OPEN_DIRECTORY) mode |= O_DIRECTORY;
  if (flags & SPATE_OPEN_TEMPORARY) mode |= O_TMPFILE;
  int fd = RETRY(openat(dirfd, path, mode, 0644));
  return fd < 0 ? -errno : spate_descriptor_note(fd);
}

void spate_close(int fd) { close(spate_descriptor_forget(fd)); }

int64_t spate_pwritev(int fd, const struct iovec *vectors, int count, uint64_t offset, int durably) {
  // A single piece is not worth the vectors, which the kernel copies first.
  ssize_t written = count == 1 && !durably
      ? pwrite(fd, vectors->iov_base, vectors->iov_len, (off_t)offset)
      : pwritev2(fd, vectors, count, (off_t)offset, durably ? RWF_DSYNC : 0);
  return written < 0 ? -errno : written;
}

int spate_memory_file(const char *name, const void *bytes, size_t byteCount) {
  int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  for (size_t written = 0; written < byteCount;) {
    ssize_t count = pwrite(fd, (const char *)bytes + written, byteCount - written, (off_t)written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      int error = count < 0 ? errno : ENOMEM;
      close(fd);
      return -error;
    }
    written += (size_t)count;
  }
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return spate_descriptor_note(fd);
}

int64_t spate_pread(int fd, void *bytes, size_t count, uint64_t offset) {
  ssize_t got = pread(fd, bytes, count, (off_t)offset);
  return got < 0 ? -errno : got;
}

int spate_fdatasync(int fd) { return RETRY(fdatasync(fd)) < 0 ? -errno : 0; }

int spate_fsync(int fd) { return RETRY(fsync(fd)) < 0 ? -errno : 0; }

int spate_fallocate(int fd, uint64_t byteCount) {
  return RETRY(fallocate(fd, 0, 0, (off_t)byteCount)) < 0 ? -errno : 0;
}

int spate_extend(int fd, uint64_t byteCount) {
  int64_t current = spate_byte_count(fd);
  if (current < 0) return (int)current;
  if ((uint64_t)current >= byteCount) return 0;
  return RETRY(ftruncate(fd, (off_t)byteCount)) < 0 ? -errno : 0;
}

int64_t spate_byte_count(int fd) {
  struct stat status;
  return fstat(fd, &status) < 0 ? -errno : (int64_t)status.st_size;
}

int spate_identity(int fd, uint64_t *device, uint64_t *number) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -errno;
  *device = (uint64_t)status.st_dev;
  *number = (uint64_t)status.st_ino;
  return 0;
}

int spate_identity_at(int dirfd, const char *path, uint64_t *device, uint64_t *number) {
  struct stat status;
  if (fstatat(dirfd, path, &status, 0) < 0) return -errno;
  *device = (uint64_t)status.st_dev;
  *number = (uint64_t)status.st_ino;
  return 0;
}

int spate_kind(int dirfd, const char *path) {
  struct stat status;
  if (fstatat(dirfd, path, &status, 0) < 0) {
    if (errno != ENOENT) return -errno;
    // A link to nowhere takes the name all the same.
    if (fstatat(dirfd, path, &status, AT_SYMLINK_NOFOLLOW) < 0) return errno == ENOENT ? SPATE_KIND_NONE : -errno;
    return SPATE_KIND_OTHER;
  }
  if (S_ISREG(status.st_mode)) return SPATE_KIND_FILE;
  return S_ISDIR(status.st_mode) ? SPATE_KIND_DIRECTORY : SPATE_KIND_OTHER;
}

int spate_mkdirat(int dirfd, const char *path) { return mkdirat(dirfd, path, 0755) < 0 ? -errno : 0; }

int spate_renameat(int dirfd, const char *from, const char *to) {
  return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

int spate_unlinkat(int dirfd, const char *path, int directory) {
  return unlinkat(dirfd, path, directory ? AT_REMOVEDIR : 0) < 0 ? -errno : 0;
}

int spate_ofd_lock(int fd, uint64_t offset, int exclusive) {
  struct flock lock = {
      .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
  if (RETRY(fcntl(fd, F_OFD_SETLK, &lock)) == 0) return 1;
  return errno == EAGAIN || errno == EACCES ? 0 : -errno;
}

void spate_ofd_unlock(int fd, uint64_t offset) {
  struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
  (void)RETRY(fcntl(fd, F_OFD_SETLK, &lock));
}

int spate_ofd_lock_holder(int fd, uint64_t offset) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = 1};
  if (RETRY(fcntl(fd, F_OFD_GETLK, &lock)) < 0) return errno == EPERM ? -EACCES : -errno;
  if (lock.l_type == F_UNLCK) return 0;
  return lock.l_pid > 0 ? lock.l_pid : -1;
}

int spate_direct_alignment(int fd, uint32_t *memory, uint32_t *offset) {
  // The fields are newer than some libraries' structure: they are read at their place in the kernel's.
  union {
    struct statx status;
    uint8_t bytes[256];
  } buffer;
  memset(&buffer, 0, sizeof buffer);
  if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &buffer.status) < 0) return errno == ENOSYS ? 0 : -errno;
  if (!(buffer.status.stx_mask & STATX_DIOALIGN)) return 0;
  memcpy(memory, buffer.bytes + 0x98, 4);
  memcpy(offset, buffer.bytes + 0x9c, 4);
  return 1;
}

int64_t spate_file_system_type(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) < 0 ? -errno : (int64_t)(uint32_t)status.f_type;
}

int spate_free_byte_count(int fd, uint64_t *byteCount) {
  struct statvfs status;
  if (RETRY(fstatvfs(fd, &status)) < 0) return -errno;
  *byteCount = (uint64_t)status.f_bavail * status.f_frsize;
  return 0;
}

int spate_map(int fd, uint64_t offset, size_t byteCount, const void **address) {
  void *mapped = mmap(0, byteCount, PROT_READ, MAP_SHARED, fd, (off_t)offset);
  if (mapped == MAP_FAILED) return -errno;
  // What is missing then comes in folios of 2 MiB, where the file system has large folios. Left to its read-around, the
  // kernel takes single pages at first, and those take ten to twenty times as long to map, at each reading.
  // A hint: a refusal changes nothing.
  madvise(mapped, byteCount, MADV_HUGEPAGE);
  *address = mapped;
  return 0;
}

int spate_populate(const void *address, size_t byteCount) {
  for (int attempt = 0;; attempt++) {
    if (madvise((void *)address, byteCount, MADV_POPULATE_READ) == 0) return 0;
    if (errno != EINTR && !(errno == EAGAIN && attempt < 1000)) return -errno;
  }
}

void spate_unmap(const void *address, size_t byteCount) { munmap((void *)address, byteCount); }

int spate_descriptor_path(int fd, char *buffer, size_t capacity) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, capacity - 1);
  if (length < 0) return -errno;
  buffer[length] = 0;
  return (int)length;
}

int spate_directory_open(int dirfd, const char *path, void **stream) {
  int fd = spate_openat(dirfd, path, SPATE_OPEN_DIRECTORY);
  if (fd < 0) return fd;
  DIR *directory = fdopendir(fd);
  if (!directory) {
    int error = errno;
    spate_close(fd);
    return -error;
  }
  *stream = directory;
  return 0;
}

int spate_directory_next(void *stream, const char **name) {
  for (;;) {
    errno = 0;
    struct dirent *entry = readdir(stream);
    if (!entry) return -errno;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    *name = entry->d_name;
    return 1;
  }
}

void spate_directory_close(void *stream) {
  spate_descriptor_forget(dirfd(stream));
  closedir(stream);
}

const char *spate_error_text(int error, char *buffer, size_t capacity) {
  return strerror_r(error, buffer, capacity);  // the GNU form, which may return a static text instead
}
