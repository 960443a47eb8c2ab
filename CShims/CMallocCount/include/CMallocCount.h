/* Counts what a thread allocates, by standing before the C library's malloc in the executable that links this. It depends
 * on no tool: linking it is all. Only for tests and benchmarks. */
#ifndef CMALLOCCOUNT_H
#define CMALLOCCOUNT_H

#include <stdint.h>

/* How often this thread has called malloc, calloc, realloc, memalign, aligned_alloc or posix_memalign so far; 0 beside a sanitizer. */
uint64_t malloc_count_of_this_thread(void);

#endif
