#include "support.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  _Exit(1);
}

void fail_with(const char *message) { fail("%s", message); }

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void sleep_until_ns(uint64_t time) {
  struct timespec until = {.tv_sec = (time_t)(time / 1000000000u), .tv_nsec = (long)(time % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}

struct latencies latencies_make(size_t capacity) {
  struct latencies latencies = {.values = malloc(capacity * sizeof(uint64_t)), .capacity = capacity};
  if (!latencies.values) fail("no memory for %zu latencies", capacity);
  return latencies;
}

void latencies_add(struct latencies *latencies, uint64_t nanoseconds) {
  if (latencies->count < latencies->capacity) latencies->values[latencies->count++] = nanoseconds;
}

static int ascending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

static double microseconds_at(const struct latencies *latencies, double share) {
  size_t rank = (size_t)(share * (double)latencies->count);
  return (double)latencies->values[rank < latencies->count ? rank : latencies->count - 1] / 1e3;
}

void print_result(const struct settings *settings, const struct peer *peer, struct result result) {
  printf("{\"peer\": \"%s\", \"window\": \"%s\", \"checks\": \"%s\", \"work\": \"%s\", "
         "\"size\": %zu, \"producers\": %u, \"records\": %llu, \"seconds\": %.9f, \"cpu_seconds\": %.6f, "
         "\"device_bytes\": %llu, \"device_bytes_from\": \"%s\", \"latency_us\": ",
         peer->name, peer->window, peer->checks, settings->work, settings->size,
         settings->producers, (unsigned long long)result.records, result.seconds, result.used.cpu_seconds,
         (unsigned long long)result.used.device_bytes, usage_source(settings));
  if (result.latencies && result.latencies->count) {
    struct latencies *all = result.latencies;
    qsort(all->values, all->count, sizeof *all->values, ascending);
    printf("{\"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f, \"count\": %zu}}\n",
           microseconds_at(all, .5), microseconds_at(all, .99), microseconds_at(all, .999),
           microseconds_at(all, 1), all->count);
  } else {
    printf("null}\n");
  }
  fflush(stdout);
}

static const char *value_of(int argc, char **argv, const char *option, const char *otherwise) {
  for (int i = 2; i + 1 < argc; i += 2)
    if (strcmp(argv[i], option) == 0) return argv[i + 1];
  return otherwise;
}

int harness_main(int argc, char **argv, const struct peer *peer) {
  static const char *const options[] = {"--directory", "--size",   "--producers", "--seconds", "--bytes",
                                        "--address",   "--server", "--since",     "--variant"};
  if (argc < 2 || argc % 2) fail("usage: %s WORK --directory D [--size N] [...]; see harness.h", argv[0]);
  for (int i = 2; i < argc; i += 2) {
    bool known = false;
    for (size_t j = 0; j < sizeof options / sizeof *options; j++) known |= strcmp(argv[i], options[j]) == 0;
    if (!known) fail("%s is not an option; see harness.h", argv[i]);
  }
  struct settings settings = {
      .work = argv[1],
      .directory = value_of(argc, argv, "--directory", NULL),
      .address = value_of(argc, argv, "--address", ""),
      .variant = value_of(argc, argv, "--variant", ""),
      .size = strtoul(value_of(argc, argv, "--size", "1024"), NULL, 10),
      .producers = (unsigned)strtoul(value_of(argc, argv, "--producers", "1"), NULL, 10),
      .seconds = strtod(value_of(argc, argv, "--seconds", "2"), NULL),
      .bytes = strtoull(value_of(argc, argv, "--bytes", "2000000000"), NULL, 10),
      .server = (pid_t)strtol(value_of(argc, argv, "--server", "0"), NULL, 10),
      .since = strtoull(value_of(argc, argv, "--since", "0"), NULL, 10),
  };
  if (!settings.directory) fail("--directory is missing");
  if (settings.size < 8 || settings.size > 1 << 20) fail("--size must be from 8 to 1048576 bytes");
  if (settings.producers < 1 || settings.producers > 64) fail("--producers must be from 1 to 64");
  settings.level = strcmp(settings.work, "durable") == 0 || strcmp(settings.work, "window") == 0
                       ? LEVEL_DURABLE
                       : LEVEL_UNSYNCED;
  run_work(&settings, peer);
  return 0;
}
