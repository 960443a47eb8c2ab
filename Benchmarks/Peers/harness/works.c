#include "support.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum { LATENCIES = 1 << 21, DELIVERIES_PER_SECOND = 10000 };
static const double WARM_UP_SECONDS = 0.3;

enum phase { WARMING_UP, PAUSED, MEASURING, STOPPED };

struct producer {
  const struct settings *settings;
  const struct peer *peer;
  unsigned index, count; /* records handed over together */
  atomic_uint *phase;    /* of `enum phase` */
  atomic_bool is_paused;
  _Atomic uint64_t records;
  struct latencies latencies;
};

/* `count` records one after the other; bytes that do not compress. */
static uint8_t *make_records(size_t size, unsigned count, unsigned seed) {
  uint8_t *records = malloc(size * count);
  if (!records) fail("no memory for %u records", count);
  uint64_t state = (seed + 1) * 0x9E3779B97F4A7C15u;
  for (size_t i = 0; i < size * count; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    records[i] = (uint8_t)(state >> 32);
  }
  return records;
}

static void number_records(uint8_t *records, size_t size, unsigned count, uint64_t first) {
  for (unsigned i = 0; i < count; i++, first++) memcpy(records + i * size, &first, sizeof first);
}

static void *produce(void *argument) {
  struct producer *self = argument;
  size_t size = self->settings->size;
  uint8_t *records = make_records(size, self->count, self->index);
  void *context = self->peer->begin ? self->peer->begin(self->index) : NULL;
  uint64_t made = 0;
  unsigned phase;
  while ((phase = atomic_load_explicit(self->phase, memory_order_acquire)) != STOPPED) {
    if (phase == PAUSED) {
      atomic_store_explicit(&self->is_paused, true, memory_order_release);
      sleep_until_ns(now_ns() + 100000);
      continue;
    }
    number_records(records, size, self->count, made);
    uint64_t start = now_ns();
    self->peer->append(context, records, size, self->count);
    if (phase == MEASURING) latencies_add(&self->latencies, now_ns() - start);
    made += self->count;
    atomic_store_explicit(&self->records, made, memory_order_relaxed);
  }
  return NULL;
}

static uint64_t records_of(struct producer *producers, unsigned count) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < count; i++) sum += atomic_load_explicit(&producers[i].records, memory_order_relaxed);
  return sum;
}

/* durable, window, unsynced. */
static void run_producers(const struct settings *settings, const struct peer *peer, unsigned together) {
  atomic_uint phase = WARMING_UP;
  struct producer producers[64];
  pthread_t threads[64];
  for (unsigned i = 0; i < settings->producers; i++) {
    producers[i] = (struct producer){.settings = settings, .peer = peer, .index = i, .count = together,
                                     .phase = &phase, .latencies = latencies_make(LATENCIES)};
    if (pthread_create(&threads[i], NULL, produce, &producers[i])) fail("no thread for a producer");
  }
  uint64_t warm = settings->bytes / settings->size / 4, warm_until = now_ns() + (uint64_t)(WARM_UP_SECONDS * 1e9);
  while (now_ns() < warm_until && records_of(producers, settings->producers) < warm) sleep_until_ns(now_ns() + 1000000);
  /* What the warm-up left unwritten is not part of the measured time. */
  atomic_store(&phase, PAUSED);
  for (unsigned i = 0; i < settings->producers; i++)
    while (!atomic_load(&producers[i].is_paused)) sleep_until_ns(now_ns() + 100000);
  struct usage before = usage_now(settings);
  before.cpu_seconds = cpu_seconds_now(settings);
  uint64_t first = records_of(producers, settings->producers);
  uint64_t start = now_ns(), end = start + (uint64_t)(settings->seconds * 1e9);
  uint64_t limit = first + settings->bytes / settings->size;
  atomic_store(&phase, MEASURING);
  while (now_ns() < end && records_of(producers, settings->producers) < limit) sleep_until_ns(now_ns() + 1000000);
  atomic_store(&phase, STOPPED);
  struct latencies all = latencies_make((size_t)LATENCIES * settings->producers);
  for (unsigned i = 0; i < settings->producers; i++) pthread_join(threads[i], NULL);
  if (peer->settle) peer->settle();
  double seconds = (double)(now_ns() - start) / 1e9;
  struct usage after = usage_now(settings);
  for (unsigned i = 0; i < settings->producers; i++)
    for (size_t j = 0; j < producers[i].latencies.count; j++) latencies_add(&all, producers[i].latencies.values[j]);
  print_result(settings, peer,
               (struct result){.records = records_of(producers, settings->producers) - first,
                               .seconds = seconds,
                               .used = {after.cpu_seconds - before.cpu_seconds,
                                        after.device_bytes - before.device_bytes},
                               .latencies = &all});
}

/* Appends --bytes in windows from one producer; returns how many records that were. */
static uint64_t fill(const struct settings *settings, const struct peer *peer, void *context, uint8_t *records) {
  uint64_t count = (settings->bytes / settings->size + WINDOW - 1) / WINDOW * WINDOW;
  for (uint64_t made = 0; made < count; made += WINDOW) {
    number_records(records, settings->size, WINDOW, made);
    peer->append(context, records, settings->size, WINDOW);
  }
  if (peer->settle) peer->settle();
  return count;
}

static uint64_t read_once(const struct peer *peer, uint64_t count, uint64_t expected_digest) {
  struct reader reader = {.expected = count};
  uint64_t start = now_ns();
  peer->read(&reader);
  uint64_t elapsed = now_ns() - start;
  if (reader.count != count || reader.sum != count * (count - 1) / 2 || reader.digest != expected_digest)
    fail("%s: %llu of %llu records were read, or others than were written", peer->name,
         (unsigned long long)reader.count, (unsigned long long)count);
  return elapsed;
}

static void run_read(const struct settings *settings, const struct peer *peer) {
  uint8_t *records = make_records(settings->size, WINDOW, 0);
  uint64_t count = fill(settings, peer, peer->begin ? peer->begin(0) : NULL, records);
  /* The records of a window come again and again, numbers apart. */
  struct reader window = {.expected = UINT64_MAX};
  for (unsigned i = 0; i < WINDOW; i++) reader_take(&window, records + i * settings->size, settings->size);
  uint64_t digest = count / WINDOW % 2 ? window.digest : 0;
  read_once(peer, count, digest);
  struct usage used = {.cpu_seconds = cpu_seconds_now(settings)};
  uint64_t elapsed = 0, passes = 0;
  while ((double)elapsed < settings->seconds * 1e9) {
    elapsed += read_once(peer, count, digest);
    passes++;
  }
  used.cpu_seconds = cpu_seconds_now(settings) - used.cpu_seconds;
  print_result(settings, peer,
               (struct result){.records = passes * count, .seconds = (double)elapsed / 1e9, .used = used});
}

struct follower {
  const struct peer *peer;
  struct reader reader;
};

static void *follow(void *argument) {
  struct follower *self = argument;
  self->peer->follow(&self->reader);
  return NULL;
}

static void run_deliver(const struct settings *settings, const struct peer *peer) {
  /* The first half second warms up; its records carry no time. */
  uint64_t unmeasured = DELIVERIES_PER_SECOND / 2;
  uint64_t count = unmeasured + (uint64_t)(settings->seconds * DELIVERIES_PER_SECOND);
  struct latencies latencies = latencies_make(count);
  struct follower follower = {.peer = peer,
                              .reader = {.expected = count, .delivers = true, .latencies = &latencies}};
  void *context = peer->begin ? peer->begin(0) : NULL;
  uint8_t *record = make_records(settings->size, 1, 0);
  pthread_t thread;
  if (pthread_create(&thread, NULL, follow, &follower)) fail("no thread for the consumer");
  prctl(PR_SET_TIMERSLACK, 1);
  double cpu = cpu_seconds_now(settings);
  uint64_t start = now_ns() + 1000000;
  for (uint64_t i = 0; i < count; i++) {
    /* A record that is late because the one before it took long counts from when it was due; one that is
     * late because the timer was, from when it is appended. */
    uint64_t due = start + i * (1000000000u / DELIVERIES_PER_SECOND), stamp = due;
    if (now_ns() < due) {
      sleep_until_ns(due);
      stamp = now_ns();
    }
    if (i < unmeasured) stamp = 0;
    memcpy(record, &stamp, sizeof stamp);
    peer->append(context, record, settings->size, 1);
  }
  pthread_join(thread, NULL);
  double seconds = (double)(now_ns() - start) / 1e9;
  print_result(settings, peer,
               (struct result){.records = count, .seconds = seconds, .latencies = &latencies,
                               .used = {.cpu_seconds = cpu_seconds_now(settings) - cpu}});
}

static void run_fill(const struct settings *settings, const struct peer *peer) {
  uint8_t *records = make_records(settings->size, WINDOW, 0);
  void *context = peer->begin ? peer->begin(0) : NULL;
  printf("{\"filled\": %llu}\n", (unsigned long long)fill(settings, peer, context, records));
  fflush(stdout);
  while (true) peer->append(context, records, settings->size, 1);
}

void run_work(const struct settings *settings, const struct peer *peer) {
  uint64_t start = settings->since ? settings->since : now_ns();
  double cpu = cpu_seconds_now(settings);
  peer->open(settings);
  if (strcmp(settings->work, "durable") == 0) {
    run_producers(settings, peer, 1);
  } else if (strcmp(settings->work, "window") == 0 || strcmp(settings->work, "unsynced") == 0) {
    run_producers(settings, peer, WINDOW);
  } else if (strcmp(settings->work, "read") == 0 && peer->read) {
    run_read(settings, peer);
  } else if (strcmp(settings->work, "deliver") == 0 && peer->follow) {
    run_deliver(settings, peer);
  } else if (strcmp(settings->work, "fill") == 0) {
    run_fill(settings, peer);
  } else if (strcmp(settings->work, "open") == 0 && peer->count) {
    uint64_t records = peer->count();
    double seconds = (double)(now_ns() - start) / 1e9;
    print_result(settings, peer,
                 (struct result){.records = records, .seconds = seconds,
                                 .used = {.cpu_seconds = cpu_seconds_now(settings) - cpu}});
  } else {
    fail("%s does not do \"%s\"", peer->name, settings->work);
  }
  if (peer->close) peer->close();
}
