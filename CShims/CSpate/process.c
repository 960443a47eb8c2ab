#define _GNU_SOURCE
#include "CSpateProcess.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

// A page of its own, made once; 0 in it where this process was not asked for yet.
static _Atomic(_Atomic int32_t *) known;

static int32_t find_out(void) {
  int32_t identifier = getpid();
  _Atomic int32_t *place = atomic_load_explicit(&known, memory_order_acquire);
  if (place) {
    atomic_store_explicit(place, identifier, memory_order_relaxed);
    return identifier;
  }
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return identifier;
  place = page;
  atomic_store_explicit(place, identifier, memory_order_relaxed);
  _Atomic int32_t *none = NULL;
  // Without the wiping, or with another thread's page in its place, this one is of no use.
  if (madvise(page, size, MADV_WIPEONFORK) < 0 ||
      !atomic_compare_exchange_strong_explicit(&known, &none, place, memory_order_acq_rel, memory_order_relaxed))
    munmap(page, size);
  return identifier;
}

int32_t spate_process_identifier(void) {
  _Atomic int32_t *place = atomic_load_explicit(&known, memory_order_acquire);
  int32_t identifier = place ? atomic_load_explicit(place, memory_order_relaxed) : 0;
  return identifier ? identifier : find_out();
}
