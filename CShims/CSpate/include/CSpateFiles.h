// File operations that need feature macros, variadic calls or structures that Swift does not import.
#ifndef CSPATE_FILES_H
#define CSPATE_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

// Flags of `spate_openat`.
enum {
  SPATE_OPEN_WRITE = 1,       // read and write; else read only
  SPATE_OPEN_CREATE = 2,      // must not exist yet
  SPATE_OPEN_DIRECT = 4,      // O_DIRECT
  SPATE_OPEN_DIRECTORY = 8,   // must be a directory
  SPATE_OPEN_TEMPORARY = 16,  // O_TMPFILE: `path` is a directory, the file has no name
};

// Kinds that `spate_kind` tells apart.
enum { SPATE_KIND_NONE = 0, SPATE_KIND_FILE = 1, SPATE_KIND_DIRECTORY = 2, SPATE_KIND_OTHER = 3 };

// Opens a path relative to the directory `dirfd`, close-on-exec, retrying EINTR. The descriptor, or a negative errno.
int spate_openat(int dirfd, const char *path, unsigned flags);

// Closes; the descriptor is gone whatever close() reports.
void spate_close(int fd);

// Makes a file in memory of these bytes, which nobody can change or resize. It is gone with the last descriptor. The
// descriptor, or a negative errno.
int spate_memory_file(const char *name, const void *bytes, size_t byteCount);

// One `pwritev2`: the byte count, or a negative errno. `durably` sets RWF_DSYNC.
int64_t spate_pwritev(int fd, const struct iovec *vectors, int count, uint64_t offset, int durably);

// One `pread`: the byte count, or a negative errno.
int64_t spate_pread(int fd, void *bytes, size_t count, uint64_t offset);

// fdatasync / fsync, retrying EINTR.
int spate_fdatasync(int fd);
int spate_fsync(int fd);

// fallocate with mode 0 from offset 0, retrying EINTR.
int spate_fallocate(int fd, uint64_t byteCount);

// Grows the file to `byteCount` without allocating; never shrinks it.
int spate_extend(int fd, uint64_t byteCount);

// The size of the file, or a negative errno.
int64_t spate_byte_count(int fd);

// What tells a file or directory from all others of this machine. 0, or a negative errno.
int spate_identity(int fd, uint64_t *device, uint64_t *number);

// The same of what stands at a path.
int spate_identity_at(int dirfd, const char *path, uint64_t *device, uint64_t *number);

// One of SPATE_KIND_*, following symbolic links, or a negative errno. Nothing there is SPATE_KIND_NONE.
int spate_kind(int dirfd, const char *path);

// mkdirat, renameat and unlinkat. 0, or a negative errno.
int spate_mkdirat(int dirfd, const char *path);
int spate_renameat(int dirfd, const char *from, const char *to);
int spate_unlinkat(int dirfd, const char *path, int directory);

// Open-file-description lock on the byte at `offset`, which may lie behind the file's end: 1 taken, 0 somebody else
// holds it, or a negative errno.
int spate_ofd_lock(int fd, uint64_t offset, int exclusive);

// Gives an open-file-description lock back, for copies of the descriptor that a fork made, too.
void spate_ofd_unlock(int fd, uint64_t offset);

// Who holds a lock that conflicts with an exclusive one: 0 nobody, a pid, -1 somebody unknown (the kernel knows no
// pid for open-file-description locks), or another negative errno below -1.
int spate_ofd_lock_holder(int fd, uint64_t offset);

// What statx says of direct I/O: 1 and both alignments (bytes; 0 means that direct I/O is not supported), 0 when the
// kernel does not say, or a negative errno.
int spate_direct_alignment(int fd, uint32_t *memory, uint32_t *offset);

// The magic number of the file system.
int64_t spate_file_system_type(int fd);

// Bytes that an unprivileged process may still write below `fd`'s file system.
int spate_free_byte_count(int fd, uint64_t *byteCount);

// Maps a range read-only and shared. 0 and the address, or a negative errno.
int spate_map(int fd, uint64_t offset, size_t byteCount, const void **address);

// Brings in every page of a mapping: 0, -EINVAL when the kernel lacks MADV_POPULATE_READ, or why a page cannot be
// read (-EFAULT: beyond the end of the file or a bad sector; -EHWPOISON; -ENOMEM).
int spate_populate(const void *address, size_t byteCount);

// Unmaps.
void spate_unmap(const void *address, size_t byteCount);

// The path behind a descriptor, for error messages: the length without the terminating zero, or a negative errno.
int spate_descriptor_path(int fd, char *buffer, size_t capacity);

// The next name of a directory stream from `spate_directory_open`: 1 and the name, 0 at the end, or a negative errno.
// The name is valid until the next call.
int spate_directory_open(int dirfd, const char *path, void **stream);
int spate_directory_next(void *stream, const char **name);
void spate_directory_close(void *stream);

// A short English text for an errno, into the caller's buffer; thread-safe. Returns the text.
const char *spate_error_text(int error, char *buffer, size_t capacity);

#endif
