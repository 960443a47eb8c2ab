// Tells the thread sanitizer of Swift's Mutex. `scripts/sanitize thread` builds this and the other files here, and loads them
// before everything else.
//
// Where nobody else wants the lock, Mutex is one atomic operation on its word, in our own code, which the sanitizer
// sees. Where somebody does, functions of the standard library ask the kernel, which changes the word: none of
// that is instrumented, and the sanitizer would see two threads change what a lock guards, and no lock. The three
// functions are replaced by ones that call the real ones and say what they order. The word is their `self`, so both
// ways meet at one address.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

// The sanitizer's runtime, in the program. Programs without it are loaded with this, too: they say nothing.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static SWIFT void (*real_lock)(uint32_t, SELF);
static SWIFT bool (*real_try_lock)(SELF);
static SWIFT void (*real_unlock)(SELF);

__attribute__((constructor)) static void prepare(void) {
  real_lock = (SWIFT void (*)(uint32_t, SELF))dlsym(RTLD_NEXT, LOCK);
  real_try_lock = (SWIFT bool (*)(SELF))dlsym(RTLD_NEXT, TRY_LOCK);
  real_unlock = (SWIFT void (*)(SELF))dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void spate_lock_slow(uint32_t thread, SELF self) __asm__(LOCK);
SWIFT void spate_lock_slow(uint32_t thread, SELF self) {
  real_lock(thread, self);
  if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT bool spate_try_lock_slow(SELF self) __asm__(TRY_LOCK);
SWIFT bool spate_try_lock_slow(SELF self) {
  bool is_locked = real_try_lock(self);
  if (is_locked && __tsan_acquire) __tsan_acquire(self);
  return is_locked;
}

SWIFT void spate_unlock_slow(SELF self) __asm__(UNLOCK);
SWIFT void spate_unlock_slow(SELF self) {
  if (__tsan_release) __tsan_release(self);
  real_unlock(self);
}
