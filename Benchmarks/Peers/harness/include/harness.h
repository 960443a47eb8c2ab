/* What every driver shares: options, threads, the loops of each work, latencies, usage and the line of JSON.
 *
 * A driver fills a `struct peer` and calls `harness_main`. It is run as
 *
 *     driver WORK --directory D --size N --producers P --seconds S
 *            [--bytes B] [--address A] [--server PID] [--since NS] [--variant V]
 *
 * and prints one line of JSON. WORK is one of
 *
 *     durable   each producer appends one record and waits until it is durable
 *     window    each producer hands over 64 records and waits until all are durable
 *     unsynced  as window, but a record only has to be with the kernel
 *     read      a log of --bytes is read from its beginning, again and again, warm
 *     deliver   10,000 records a second, from the append to a waiting consumer in the same process
 *     fill      appends --bytes, says so, and goes on until it is killed
 *     open      opens what `fill` left and counts it
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

enum { WINDOW = 64 };

enum level { LEVEL_UNSYNCED, LEVEL_DURABLE };

struct settings {
  const char *work;
  const char *directory;
  const char *address; /* of a server: a socket's path, or host:port */
  const char *variant; /* a second way of running the same peer; "" for the usual one */
  size_t size;
  unsigned producers;
  double seconds;
  uint64_t bytes; /* payload bytes after which a work ends early, or that are filled in */
  pid_t server;   /* whose CPU time counts too; 0 for none */
  uint64_t since; /* monotonic ns from which `open` counts; 0 for its own start */
  enum level level;
};

/* Latencies in nanoseconds: all of them, so percentiles are exact. */
struct latencies {
  uint64_t *values;
  size_t count, capacity;
};

/* One consumer's account of what it has seen. */
struct reader {
  uint64_t count, expected, sum, digest;
  bool delivers;
  struct latencies *latencies;
};

struct peer {
  const char *name;
  const char *window; /* how 64 records go together */
  const char *checks; /* what is verified on reading */
  /* Opens or makes the log. Everything that fails ends the process through `fail`. */
  void (*open)(const struct settings *settings);
  /* What belongs to one producer (a connection, a buffer); may be NULL. */
  void *(*begin)(unsigned producer);
  /* Appends `count` records that lie one after the other; returns when all are at the level of the settings. */
  void (*append)(void *producer, const uint8_t *records, size_t size, unsigned count);
  /* What the level still asks for behind the last append, within the measured time; may be NULL. */
  void (*settle)(void);
  /* Calls `reader_take` for each record from the beginning, until it returns false. */
  void (*read)(struct reader *reader);
  /* The same, waiting for records to come, in the way that suits the peer. */
  void (*follow)(struct reader *reader);
  /* Records in the log, the last of them found readable. */
  uint64_t (*count)(void);
  void (*close)(void);
};

int harness_main(int argc, char **argv, const struct peer *peer);

/* Says what went wrong and ends the process. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The same from a language without C's variable arguments. */
void fail_with(const char *message) __attribute__((noreturn));

uint64_t now_ns(void);
void sleep_until_ns(uint64_t time);
void latencies_add(struct latencies *latencies, uint64_t nanoseconds);

/* Every record begins with a number: its place in the log, or when it is delivered the time of its append. A consumer that
 * reads back looks at all of the record: every whole word. */
static inline bool reader_take(struct reader *reader, const void *payload, size_t size) {
  uint64_t first, word;
  memcpy(&first, payload, sizeof first);
  reader->sum += first;
  if (!reader->delivers) {
    uint64_t digest = 0;
    for (size_t i = 8; i + 8 <= size; i += 8) {
      memcpy(&word, (const char *)payload + i, sizeof word);
      digest ^= word;
    }
    reader->digest ^= digest;
  }
  if (reader->delivers && first) latencies_add(reader->latencies, now_ns() - first);
  return ++reader->count < reader->expected;
}

#endif
