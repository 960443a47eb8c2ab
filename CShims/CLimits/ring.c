#include "support.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_STEP(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#elif defined(__aarch64__)
#include <arm_acle.h>
#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_STEP(crc, word) __crc32cd((crc), (word))
#else
#error "CLimits knows x86-64 and arm64"
#endif

/* Frame: stamp (8), length (4), checksum (4), payload padded to 8. */
enum { header_bytes = 16, head_step = 64 * 1024, line = 64, drain_pause_nanoseconds = 20000 };

struct ring {
  _Alignas(line) _Atomic uint64_t tail;
  _Alignas(line) _Atomic uint64_t head;
  _Alignas(line) atomic_uint ready;
  unsigned expected;
  char *bytes;
  uint64_t mask, capacity;
  size_t record_bytes, frame_bytes;
};

struct producer {
  pthread_t thread;
  struct ring *ring;
  uint64_t records, start;
};

static inline uint64_t stamp_of(uint64_t position) {
  uint64_t stamp = UINT64_C(0xD1B54A32D192ED03) ^ (position * UINT64_C(0x9E3779B97F4A7C15));
  return stamp ? stamp : 1;
}

static inline _Atomic uint64_t *stamp_at(const struct ring *ring, uint64_t position) {
  return (_Atomic uint64_t *)(void *)(ring->bytes + (position & ring->mask));
}

static CRC_TARGET void *produce(void *argument) {
  struct producer *producer = argument;
  struct ring *ring = producer->ring;
  const size_t record_bytes = ring->record_bytes, frame_bytes = ring->frame_bytes;
  uint64_t *source = aligned_alloc(line, (record_bytes + line) / line * line);
  for (size_t i = 0; i < record_bytes / 8; i++) source[i] = i * UINT64_C(0x9E3779B97F4A7C15);
  atomic_fetch_add(&ring->ready, 1);
  while (atomic_load(&ring->ready) < ring->expected) pause_cpu();
  producer->start = now_nanoseconds();
  uint64_t known_head = 0;
  for (uint64_t i = 0; i < producer->records; i++) {
    source[0] = i;
    uint64_t position = atomic_fetch_add_explicit(&ring->tail, frame_bytes, memory_order_relaxed);
    while (position + frame_bytes > known_head + ring->capacity) {
      /* Acquire pairs with the drain's release: it has read what is overwritten now. */
      known_head = atomic_load_explicit(&ring->head, memory_order_acquire);
      if (position + frame_bytes > known_head + ring->capacity) pause_cpu();
    }
    char *frame = ring->bytes + (position & ring->mask);
    uint32_t checksum = ~0u;
    for (size_t word = 0; word < record_bytes / 8; word++) checksum = CRC_STEP(checksum, source[word]);
    checksum = ~checksum;
    uint32_t length = (uint32_t)record_bytes;
    memcpy(frame + 8, &length, 4);
    memcpy(frame + 12, &checksum, 4);
    memcpy(frame + header_bytes, source, record_bytes);
    /* Release pairs with the drain's acquire: whoever sees the stamp sees the frame. */
    atomic_store_explicit(stamp_at(ring, position), stamp_of(position), memory_order_release);
  }
  free(source);
  return NULL;
}

int climits_ring_loop(unsigned producers, size_t record_bytes, size_t ring_bytes, uint64_t records,
                      double *nanoseconds) {
  enum { maximum = 64 };
  if (producers == 0 || producers > maximum || record_bytes % 8 || record_bytes == 0) return -EINVAL;
  if (ring_bytes & (ring_bytes - 1) || ring_bytes < 2 * head_step) return -EINVAL;
  struct ring ring = {.expected = producers + 1,
                      .mask = ring_bytes - 1,
                      .capacity = ring_bytes,
                      .record_bytes = record_bytes,
                      .frame_bytes = header_bytes + record_bytes};
  /* A frame may run past the end into slack of its own size; no frame wraps. */
  size_t mapped = ring_bytes + ((ring.frame_bytes + 4095) & ~(size_t)4095);
  ring.bytes = touched_memory(mapped);
  if (!ring.bytes) return -ENOMEM;
  struct producer threads[maximum];
  const uint64_t share = records / producers;
  unsigned started = 0;
  int result = 0;
  for (; started < producers; started++) {
    threads[started] = (struct producer){.ring = &ring, .records = share};
    int error = pthread_create(&threads[started].thread, NULL, produce, &threads[started]);
    if (error) {
      /* Those that run already wait for the others; nobody frees their memory under them. */
      return -error;
    }
  }
  atomic_fetch_add(&ring.ready, 1);
  uint64_t position = 0, published_head = 0;
  const uint64_t end = share * producers * ring.frame_bytes;
  while (position < end) {
    _Atomic uint64_t *slot = stamp_at(&ring, position);
    /* Acquire pairs with the producer's release of the stamp. */
    while (atomic_load_explicit(slot, memory_order_acquire) != stamp_of(position)) {
      if (published_head != position) {
        published_head = position;
        atomic_store_explicit(&ring.head, position, memory_order_release);
      }
      /* A drain that chases the producers line by line takes their cache lines from them and costs them three times
       * the loop; like a committer, which waits for its I/O, this one looks again after a while. */
      uint64_t until = now_nanoseconds() + drain_pause_nanoseconds;
      while (now_nanoseconds() < until) pause_cpu();
    }
    uint32_t length;
    memcpy(&length, ring.bytes + (position & ring.mask) + 8, 4);
    position += header_bytes + length;
    if (position - published_head >= head_step) {
      published_head = position;
      atomic_store_explicit(&ring.head, position, memory_order_release);
    }
  }
  uint64_t finish = now_nanoseconds(), start = UINT64_MAX;
  for (unsigned i = 0; i < started; i++) {
    pthread_join(threads[i].thread, NULL);
    if (threads[i].start < start) start = threads[i].start;
  }
  *nanoseconds = (double)(finish - start) / (double)(share * producers);
  munmap(ring.bytes, mapped);
  return result;
}
