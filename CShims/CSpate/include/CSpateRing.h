// io_uring behind plain functions: Swift sees neither the library's structures nor its macros.
#ifndef CSPATE_RING_H
#define CSPATE_RING_H

#include <stdint.h>
#include <sys/uio.h>

typedef struct spate_ring spate_ring;

// Setup refinements, newest first; `spate_ring_create` gives up those that the kernel refuses.
enum {
  SPATE_RING_DEFER = 1,  // SINGLE_ISSUER and DEFER_TASKRUN (kernel 6.1)
  SPATE_RING_COOP = 2,   // COOP_TASKRUN (kernel 5.19)
  SPATE_RING_ANY = SPATE_RING_DEFER | SPATE_RING_COOP,
};

// Makes a ring with room for `entries` queued and `completions` finished operations, with the best of `allowed` that
// the kernel takes; says in `chosen` which. Allocates. Use the ring on the thread that made it. 0, or a negative
// errno: -ENOSYS or -EPERM where io_uring is missing or blocked, -EOPNOTSUPP when the kernel lacks an operation that
// Spate needs.
int spate_ring_create(
    unsigned entries, unsigned completions, unsigned allowed, spate_ring **ring, unsigned *chosen);

// Frees the ring. Wait for everything in flight before: the kernel may go on reading memory until then.
void spate_ring_destroy(spate_ring *ring);

// Queues one gathered write / one fdatasync. 0, or -EBUSY when the submission queue is full: submit, then try again.
int spate_ring_queue_write(
    spate_ring *ring, int fd, const struct iovec *vectors, unsigned count, uint64_t offset, int durably, uint64_t data);
int spate_ring_queue_sync(spate_ring *ring, int fd, uint64_t data);

// How many operations are queued and not yet submitted.
unsigned spate_ring_queued(spate_ring *ring);

// One submission attempt: the count of operations taken by the kernel, or a negative errno.
int spate_ring_submit(spate_ring *ring);

// Takes one completion: 1 and its data and result, or 0 when none is there. Enters the kernel when that has work to
// finish first.
int spate_ring_take(spate_ring *ring, uint64_t *data, int32_t *result);

// Waits until a completion is there or `nanoseconds` passed (negative: no limit). 0, -ETIME, -EINTR or another
// negative errno.
int spate_ring_wait(spate_ring *ring, int64_t nanoseconds);

#endif
