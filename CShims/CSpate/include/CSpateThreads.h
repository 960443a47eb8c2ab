// Waiting, waking, barriers and clocks.
#ifndef CSPATE_THREADS_H
#define CSPATE_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

// Sleeps while `*word == expected`, until woken or until the CLOCK_MONOTONIC time `absolute_monotonic_ns` (negative:
// no limit). Returns 0 when woken (possibly spuriously: check again), -EAGAIN when the word differed, -ETIMEDOUT, or
// -EINTR. The futex is private to the process.
int spate_futex_wait(const uint32_t *word, uint32_t expected, int64_t absolute_monotonic_ns);

// Wakes at most `count` sleepers of the word. Returns how many, or a negative errno.
int spate_futex_wake(const uint32_t *word, int count);

// Registers the process for private expedited membarriers; once at start. 0, or a negative errno (-ENOSYS, -EPERM,
// -EINVAL) when the kernel or a sandbox lacks it: use sequentially consistent accesses then.
int spate_membarrier_register(void);

// A full barrier in every running thread of the process. 0, or a negative errno.
int spate_membarrier(void);

// Names the calling thread for debuggers and profilers; at most 15 bytes are used.
void spate_name_thread(const char *name);

// Nanoseconds since 1970.
static inline uint64_t spate_now_realtime_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Nanoseconds since 1970 as of the kernel's last tick (1 to 10 ms ago): about a quarter of the cost.
static inline uint64_t spate_now_realtime_coarse_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Nanoseconds of CLOCK_MONOTONIC: the clock of every deadline here.
static inline uint64_t spate_now_monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Asks for the cache line at `address` for writing; no fault, whatever the address.
static inline void spate_prefetch_for_writing(const void *address) {
#if defined(__x86_64__)
  // Compilers emit a read prefetch here unless they are told that the processor knows this one; all that run 64-bit
  // Linux of this decade do, and those before take it for a no-operation.
  __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)address));
#else
  __builtin_prefetch(address, 1, 3);
#endif
}

// Asks for the cache lines of a range for reading; no fault, whatever the addresses.
static inline void spate_prefetch_for_reading(const void *address, size_t byteCount) {
  for (size_t offset = 0; offset < byteCount; offset += 64) __builtin_prefetch((const char *)address + offset, 0, 3);
}

// Tells the processor that this is a spin loop.
static inline void spate_cpu_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  __asm__ __volatile__("yield" ::: "memory");
#endif
}

#endif
