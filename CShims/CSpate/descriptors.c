#include "CSpateDescriptors.h"

#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

// One bit a descriptor; those beyond are not noted, and stay open in children until they end.
enum { LIMIT = 1 << 20 };
static _Atomic uint64_t noted[LIMIT / 64];

int spate_descriptor_note(int fd) {
  if (fd >= 0 && fd < LIMIT) {
    atomic_fetch_or_explicit(&noted[fd / 64], UINT64_C(1) << (fd % 64), memory_order_relaxed);
  }
  return fd;
}

int spate_descriptor_forget(int fd) {
  if (fd >= 0 && fd < LIMIT) {
    atomic_fetch_and_explicit(&noted[fd / 64], ~(UINT64_C(1) << (fd % 64)), memory_order_relaxed);
  }
  return fd;
}

void spate_descriptors_close(void) {
  for (int index = 0; index < LIMIT / 64; index++) {
    uint64_t bits = atomic_exchange_explicit(&noted[index], 0, memory_order_relaxed);
    for (; bits; bits &= bits - 1) close(index * 64 + __builtin_ctzll(bits));
  }
}
