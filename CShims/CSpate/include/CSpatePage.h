// A page of memory that the owner of a store shares with readers in other processes.
#ifndef CSPATE_PAGE_H
#define CSPATE_PAGE_H

#include <stddef.h>
#include <stdint.h>

// Makes a file in memory of `byteCount` bytes, sparse, which nobody can resize. It is gone with the last descriptor
// and mapping. The descriptor, or a negative errno.
int spate_page_make(const char *name, size_t byteCount);

// Opens the page that `process` has as `descriptor`: a new descriptor, or a negative errno (-EACCES: another user's
// process; -ENOENT: no such process or descriptor here; -ESTALE: it is something else).
int spate_page_open(int process, int descriptor);

// Maps the first `byteCount` bytes, shared, for reading and writing. 0 and the address, or a negative errno.
int spate_page_map(int fd, size_t byteCount, void **address);

// Unmaps.
void spate_page_unmap(void *address, size_t byteCount);

// As `spate_futex_wait` and `spate_futex_wake`, between processes, with a limit, and waking all.
int spate_page_wait(const uint32_t *word, uint32_t expected, int64_t absolute_monotonic_ns);
void spate_page_wake(const uint32_t *word);

#endif
