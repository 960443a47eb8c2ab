#include "support.h"

struct copier {
  pthread_t thread;
  char *source, *target;
  size_t buffer_bytes, piece_bytes;
  double seconds;
  atomic_uint *ready;
  unsigned expected;
  uint64_t copied, start, finish;
};

static void *copy_for_a_while(void *argument) {
  struct copier *copier = argument;
  atomic_fetch_add(copier->ready, 1);
  while (atomic_load(copier->ready) < copier->expected) pause_cpu();
  copier->start = now_nanoseconds();
  uint64_t end = copier->start + (uint64_t)(copier->seconds * 1e9);
  size_t offset = 0;
  do {
    memcpy(copier->target + offset, copier->source + offset, copier->piece_bytes);
    copier->copied += copier->piece_bytes;
    offset += copier->piece_bytes;
    if (offset + copier->piece_bytes > copier->buffer_bytes) offset = 0;
    copier->finish = now_nanoseconds();
  } while (copier->finish < end);
  return NULL;
}

int climits_memcpy(unsigned threads, size_t buffer_bytes, size_t piece_bytes, double seconds,
                   double *bytes_per_second) {
  enum { maximum = 64 };
  if (threads == 0 || threads > maximum || piece_bytes == 0 || piece_bytes > buffer_bytes) return -EINVAL;
  struct copier copiers[maximum] = {0};
  atomic_uint ready = 0;
  int result = 0;
  for (unsigned i = 0; i < threads; i++) {
    copiers[i] = (struct copier){.source = touched_memory(buffer_bytes),
                                 .target = touched_memory(buffer_bytes),
                                 .buffer_bytes = buffer_bytes,
                                 .piece_bytes = piece_bytes,
                                 .seconds = seconds,
                                 .ready = &ready,
                                 .expected = threads};
    if (!copiers[i].source || !copiers[i].target) result = -ENOMEM;
  }
  unsigned started = 0;
  for (; started < threads && result == 0; started++) {
    int error = pthread_create(&copiers[started].thread, NULL, copy_for_a_while, &copiers[started]);
    if (error) {
      result = -error;
      atomic_store(&ready, threads);
      break;
    }
  }
  double total = 0;
  for (unsigned i = 0; i < started; i++) {
    pthread_join(copiers[i].thread, NULL);
    total += (double)copiers[i].copied / ((double)(copiers[i].finish - copiers[i].start) / 1e9);
  }
  for (unsigned i = 0; i < threads; i++) {
    if (copiers[i].source) munmap(copiers[i].source, buffer_bytes);
    if (copiers[i].target) munmap(copiers[i].target, buffer_bytes);
  }
  *bytes_per_second = total;
  return result;
}
