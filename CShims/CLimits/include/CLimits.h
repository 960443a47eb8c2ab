/* What this machine can do at best, measured with plain system calls and without the engine.
 *
 * Every function returns 0 or a negative errno, runs for about the time it is given, and writes its
 * figures through the last pointers. None keeps state. A file named by `path` is made, filled and
 * synced once, and reused as it is when it has the size already: blocks that were never written cost
 * an extent conversion and would make the limit look lower than it is. */
#ifndef CLIMITS_H
#define CLIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Makes `path` a file of `byte_count` bytes whose blocks are all written and synced. */
int climits_prewrite(const char *path, uint64_t byte_count);

/* O_DIRECT | O_DSYNC writes of `block_bytes`, `depth` in flight through io_uring, round and round over
 * the prewritten file. */
int climits_direct_write(const char *path, uint64_t file_bytes, size_t block_bytes, unsigned depth,
                         double seconds, double *bytes_per_second, double *cpu_seconds_per_gigabyte);

/* One direct pwritev2(RWF_DSYNC) of `block_bytes` after the other on the prewritten file. Each
 * duration goes to `latencies` (nanoseconds, saturating), at most `capacity` of them; `count` is how many were
 * made and `elapsed` how many seconds they took together. */
int climits_durable_write(const char *path, uint64_t file_bytes, size_t block_bytes, double seconds,
                          uint32_t *latencies, size_t capacity, size_t *count, double *elapsed);

/* memcpy between buffers of `buffer_bytes` (touched before), by `threads` threads with buffers of their own, in
 * pieces of `piece_bytes`. */
int climits_memcpy(unsigned threads, size_t buffer_bytes, size_t piece_bytes, double seconds,
                   double *bytes_per_second);

/* The ring loop that an engine cannot beat: claim by fetch_add, CRC-32C of the source, copy, publish by one
 * release store of a 64-bit stamp; a drain thread follows the stamps and frees the space. `records` are shared out among
 * the producers; `nanoseconds` is wall-clock time a record. */
int climits_ring_loop(unsigned producers, size_t record_bytes, size_t ring_bytes, uint64_t records,
                      double *nanoseconds);

/* 4 KiB pwrite + fdatasync to each of `files` prewritten files in `directory`, one after another; `repeats` times.
 * `seconds[i]` is the time of the i-th time around. */
int climits_many_files(const char *directory, unsigned files, unsigned repeats, double *seconds);

/* Touches `byte_count` of fresh memory and gives it back: a virtual machine is slow at the first touch. */
int climits_touch_memory(size_t byte_count);

/* 1 when `path` is on a file system without a disk (tmpfs), else 0. */
int climits_is_in_memory(const char *path);

#endif
