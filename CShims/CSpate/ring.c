#define _GNU_SOURCE
#include "CSpateDescriptors.h"
#include "CSpateRing.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

// Newer than some headers; the values are part of the kernel's interface.
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1U << 8)
#endif
#ifndef IORING_SETUP_TASKRUN_FLAG
#define IORING_SETUP_TASKRUN_FLAG (1U << 9)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef RWF_DSYNC
#define RWF_DSYNC 2
#endif

struct spate_ring {
  struct io_uring uring;
};

static int supportsOperations(struct io_uring *uring) {
  struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
  if (!probe) return 0;
  int supported =
      io_uring_opcode_supported(probe, IORING_OP_WRITEV) && io_uring_opcode_supported(probe, IORING_OP_FSYNC);
  io_uring_free_probe(probe);
  return supported;
}

int spate_ring_create(
    unsigned entries, unsigned completions, unsigned allowed, spate_ring **ring, unsigned *chosen) {
  static const struct {
    unsigned kind, flags;
  } levels[] = {
      {SPATE_RING_DEFER, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
      {SPATE_RING_COOP, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG},
      {0, 0},
  };
  spate_ring *made = calloc(1, sizeof *made);
  if (!made) return -ENOMEM;
  int result = -EINVAL;
  for (unsigned level = 0; level < sizeof levels / sizeof *levels; level++) {
    if ((levels[level].kind & allowed) != levels[level].kind) continue;
    struct io_uring_params parameters;
    memset(&parameters, 0, sizeof parameters);
    parameters.flags = levels[level].flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = completions < entries ? entries : completions;
    result = io_uring_queue_init_params(entries, &made->uring, &parameters);
    if (result == -EINVAL) continue;  // flags that this kernel does not know
    if (result < 0) break;
    if (!supportsOperations(&made->uring)) {
      io_uring_queue_exit(&made->uring);
      result = -EOPNOTSUPP;
      break;
    }
    spate_descriptor_note(made->uring.ring_fd);
    *ring = made;
    *chosen = levels[level].kind;
    return 0;
  }
  free(made);
  return result;
}

void spate_ring_destroy(spate_ring *ring) {
  spate_descriptor_forget(ring->uring.ring_fd);
  io_uring_queue_exit(&ring->uring);
  free(ring);
}

int spate_ring_queue_write(
    spate_ring *ring, int fd, const struct iovec *vectors, unsigned count, uint64_t offset, int durably,
    uint64_t data) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
  if (!entry) return -EBUSY;
  io_uring_prep_writev(entry, fd, vectors, count, offset);
  entry->rw_flags = durably ? RWF_DSYNC : 0;
  entry->user_data = data;
  return 0;
}

int spate_ring_queue_sync(spate_ring *ring, int fd, uint64_t data) {
  struct io_uring_sqe *entry = io_uring_get_sqe(&ring->uring);
  if (!entry) return -EBUSY;
  io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
  entry->user_data = data;
  return 0;
}

unsigned spate_ring_queued(spate_ring *ring) { return io_uring_sq_ready(&ring->uring); }

int spate_ring_submit(spate_ring *ring) { return io_uring_submit(&ring->uring); }

int spate_ring_take(spate_ring *ring, uint64_t *data, int32_t *result) {
  struct io_uring_cqe *entry = 0;
  if (io_uring_peek_cqe(&ring->uring, &entry) < 0 || !entry) return 0;
  *data = entry->user_data;
  *result = entry->res;
  io_uring_cqe_seen(&ring->uring, entry);
  return 1;
}

int spate_ring_wait(spate_ring *ring, int64_t nanoseconds) {
  struct io_uring_cqe *entry = 0;
  if (nanoseconds < 0) return io_uring_wait_cqe(&ring->uring, &entry);
  struct __kernel_timespec limit = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
  return io_uring_wait_cqe_timeout(&ring->uring, &entry, &limit);
}
