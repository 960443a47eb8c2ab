/* Between the parts of the harness. */
#ifndef SUPPORT_H
#define SUPPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/harness.h"

/* What a run has used: CPU time of this process and the server's, bytes written to the device. */
struct usage {
  double cpu_seconds;
  uint64_t device_bytes;
};

/* Counts once everything that was written before is on the device. */
struct usage usage_now(const struct settings *settings);
/* CPU time alone: nothing is written out. */
double cpu_seconds_now(const struct settings *settings);
/* Where the device's bytes come from: the block device's counters, or the processes' own. */
const char *usage_source(const struct settings *settings);

void run_work(const struct settings *settings, const struct peer *peer);
struct latencies latencies_make(size_t capacity);

/* One line of JSON, flushed. Latencies are sorted on the way; NULL for none. */
struct result {
  uint64_t records;
  double seconds;
  struct usage used;
  struct latencies *latencies;
};
void print_result(const struct settings *settings, const struct peer *peer, struct result result);

#endif
