// Waiting, waking, barriers and clocks.
#ifndef CSPATE_THREADS_H
#define CSPATE_THREADS_H

#include <signal.h>
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

// A world of its own for one thread: a simulation's clock, chance and waiting instead of the system's. Everything that
// the library asks of these goes through the functions below, so the engine runs step by step from one seed.
typedef struct spate_world {
  void *context;
  uint64_t (*monotonic_ns)(void *context);
  uint64_t (*realtime_ns)(void *context);
  uint64_t (*random)(void *context);
  // As spate_futex_wait: lets the others go on until the word differs or the time has come. Without a word (NULL) it is
  // a sleep.
  int (*wait)(void *context, const uint32_t *word, uint32_t expected, int64_t absolute_monotonic_ns);
} spate_world;

// Puts the calling thread into a world, which stays where it is meanwhile; NULL takes the thread out.
void spate_enter_world(const spate_world *world);

// The world of the calling thread, or NULL.
const spate_world *spate_current_world(void);

// How many threads are in a world: none outside of tests, so that asking costs a load.
extern int spate_world_count;

static inline int spate_has_worlds(void) { return __atomic_load_n(&spate_world_count, __ATOMIC_RELAXED) != 0; }

// Sleeps.
void spate_sleep_us(uint32_t microseconds);

// A number of the calling thread's world into `number`, and 1; 0 when there is no world.
int spate_world_random(uint64_t *number);

// The slow ways of the clocks below, for threads in a world.
uint64_t spate_world_realtime_ns(void);
uint64_t spate_world_monotonic_ns(void);

// Names the calling thread for debuggers and profilers; at most 15 bytes are used.
void spate_name_thread(const char *name);

// What spate_block_signals keeps for spate_restore_signals.
typedef struct spate_signals {
  sigset_t mask;
  int cancel_state;
} spate_signals;

// Keeps the host's signal handlers and pthread_cancel off the calling thread, until spate_restore_signals.
void spate_block_signals(spate_signals *previous);

// Undoes spate_block_signals. A SIGXFSZ that a write of the calling thread met meanwhile, at RLIMIT_FSIZE, is dropped if
// `drops_size_signal`: the write has said so already, and the signal would end the process.
void spate_restore_signals(const spate_signals *previous, int drops_size_signal);

// Nanoseconds since 1970.
static inline uint64_t spate_now_realtime_ns(void) {
  if (__builtin_expect(spate_has_worlds(), 0)) return spate_world_realtime_ns();
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
  if (__builtin_expect(spate_has_worlds(), 0)) return spate_world_monotonic_ns();
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
