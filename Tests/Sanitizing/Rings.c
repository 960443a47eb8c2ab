// Tells the thread sanitizer that the memory of an io_uring is new when it was made, and gone when it was destroyed.
//
// liburing maps and unmaps it by system calls of its own, which the sanitizer does not see: where the kernel
// maps a ring at the address of an earlier one, of another thread, the accesses of the two would look like a race. The
// kernel orders the unmapping of the one before the mapping of the other; that is said here.
#define _GNU_SOURCE
#include <dlfcn.h>

struct io_uring;
struct io_uring_params;

// The sanitizer's runtime, in the program. Programs without it are loaded with this, too: they say nothing.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

static int (*real_init)(unsigned, struct io_uring *, struct io_uring_params *);
static void (*real_exit)(struct io_uring *);
static char mappings;

__attribute__((constructor)) static void prepare(void) {
  real_init = (int (*)(unsigned, struct io_uring *, struct io_uring_params *))dlsym(
      RTLD_NEXT, "io_uring_queue_init_params");
  real_exit = (void (*)(struct io_uring *))dlsym(RTLD_NEXT, "io_uring_queue_exit");
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *parameters) {
  int result = real_init(entries, ring, parameters);
  if (__tsan_acquire) __tsan_acquire(&mappings);
  return result;
}

void io_uring_queue_exit(struct io_uring *ring) {
  if (__tsan_release) __tsan_release(&mappings);
  real_exit(ring);
}
