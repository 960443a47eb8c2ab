#define _GNU_SOURCE
#include "CSpateThreads.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

int spate_world_count = 0;

static _Thread_local const spate_world *currentWorld = 0;

void spate_enter_world(const spate_world *world) {
  int change = (world != 0) - (currentWorld != 0);
  currentWorld = world;
  __atomic_fetch_add(&spate_world_count, change, __ATOMIC_RELAXED);
}

const spate_world *spate_current_world(void) { return currentWorld; }

static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t spate_world_realtime_ns(void) {
  return currentWorld ? currentWorld->realtime_ns(currentWorld->context) : clock_ns(CLOCK_REALTIME);
}

uint64_t spate_world_monotonic_ns(void) {
  return currentWorld ? currentWorld->monotonic_ns(currentWorld->context) : clock_ns(CLOCK_MONOTONIC);
}

int spate_world_random(uint64_t *number) {
  if (!spate_has_worlds() || !currentWorld) return 0;
  *number = currentWorld->random(currentWorld->context);
  return 1;
}

void spate_sleep_us(uint32_t microseconds) {
  if (spate_has_worlds() && currentWorld) {
    int64_t end = (int64_t)currentWorld->monotonic_ns(currentWorld->context) + (int64_t)microseconds * 1000;
    currentWorld->wait(currentWorld->context, 0, 0, end);
    return;
  }
  usleep(microseconds);
}

int spate_futex_wait(const uint32_t *word, uint32_t expected, int64_t absolute_monotonic_ns) {
  if (spate_has_worlds() && currentWorld) {
    return currentWorld->wait(currentWorld->context, word, expected, absolute_monotonic_ns);
  }
  struct timespec limit, *limitPointer = 0;
  if (absolute_monotonic_ns >= 0) {
    limit.tv_sec = absolute_monotonic_ns / 1000000000;
    limit.tv_nsec = absolute_monotonic_ns % 1000000000;
    limitPointer = &limit;
  }
  // The bitset form takes an absolute time; without FUTEX_CLOCK_REALTIME that is CLOCK_MONOTONIC.
  long result = syscall(
      SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, limitPointer, 0, FUTEX_BITSET_MATCH_ANY);
  return result < 0 ? -errno : 0;
}

int spate_futex_wake(const uint32_t *word, int count) {
  long result = syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, 0, 0, 0);
  return result < 0 ? -errno : (int)result;
}

int spate_membarrier_register(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) < 0 ? -errno : 0;
}

int spate_membarrier(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) < 0 ? -errno : 0;
}

void spate_block_signals(spate_signals *previous) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous->mask);
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &previous->cancel_state);
}

void spate_restore_signals(const spate_signals *previous, int drops_size_signal) {
  if (drops_size_signal && !sigismember(&previous->mask, SIGXFSZ)) {
    sigset_t size;
    sigemptyset(&size);
    sigaddset(&size, SIGXFSZ);
    struct timespec none = {0, 0};
    sigtimedwait(&size, 0, &none);
  }
  pthread_setcancelstate(previous->cancel_state, 0);
  pthread_sigmask(SIG_SETMASK, &previous->mask, 0);
}

void spate_name_thread(const char *name) {
  char shortName[16] = {0};
  for (int i = 0; i < 15 && name[i]; i++) shortName[i] = name[i];
  pthread_setname_np(pthread_self(), shortName);
}
