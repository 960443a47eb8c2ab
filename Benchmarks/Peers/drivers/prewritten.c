/* A baseline in C: a file whose blocks were all written before, one pwrite and one fdatasync for each append (or for
 * 64 records). Nothing is shared between producers but the next offset; the file is used again from its beginning.
 *
 * No headers, no checksums, no recovery: less than any log must do. The variant `checked`, which is only read back, has a
 * CRC-32C behind each record and verifies it: what checksums alone cost a reader. */
#include "baseline.h"
#include "harness.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_WORD(crc, word) ((uint32_t)_mm_crc32_u64((crc), (word)))
#define CRC_BYTE(crc, byte) _mm_crc32_u8((crc), (byte))
#elif defined(__aarch64__)
#include <arm_acle.h>
#define CRC_TARGET __attribute__((target("+crc")))
#define CRC_WORD(crc, word) __crc32cd((crc), (word))
#define CRC_BYTE(crc, byte) __crc32cb((crc), (byte))
#else
#error "the checked variant knows x86-64 and arm64"
#endif

static int file;
static bool syncs, is_checked;
static size_t record_size, frame_size, read_bytes;
static _Atomic uint64_t next_offset;

static void open_file(const struct settings *settings) {
  file = prewritten_file(settings->directory);
  syncs = settings->level == LEVEL_DURABLE;
  is_checked = strcmp(settings->variant, "checked") == 0;
  record_size = settings->size;
  frame_size = record_size + (is_checked ? sizeof(uint32_t) : 0);
  read_bytes = (settings->bytes / record_size + WINDOW) * frame_size;
  if (strcmp(settings->work, "read") == 0 && read_bytes > PREWRITTEN_BYTES)
    fail("the file holds %d bytes; fill in less", PREWRITTEN_BYTES);
}

static CRC_TARGET uint32_t checksum_of(const uint8_t *record, size_t size) {
  uint32_t crc = ~0u;
  for (; size >= 8; size -= 8, record += 8) {
    uint64_t word;
    memcpy(&word, record, sizeof word);
    crc = CRC_WORD(crc, word);
  }
  for (; size; size--, record++) crc = CRC_BYTE(crc, *record);
  return ~crc;
}

/* The records with their checksums. */
static const uint8_t *framed(const uint8_t *records, size_t size, unsigned count) {
  static _Thread_local uint8_t *frames;
  if (!frames && !(frames = malloc(WINDOW * frame_size))) fail("no memory for %d records", WINDOW);
  for (unsigned i = 0; i < count; i++) {
    uint32_t checksum = checksum_of(records + i * size, size);
    memcpy(frames + i * frame_size, records + i * size, size);
    memcpy(frames + i * frame_size + size, &checksum, sizeof checksum);
  }
  return frames;
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  (void)producer;
  if (is_checked) records = framed(records, size, count);
  size_t bytes = frame_size * count;
  uint64_t places = PREWRITTEN_BYTES / bytes;
  uint64_t place = atomic_fetch_add_explicit(&next_offset, 1, memory_order_relaxed) % places;
  write_fully(file, records, bytes, place * bytes);
  if (syncs && fdatasync(file) < 0) fail("fdatasync: %m");
}

static void read_all(struct reader *reader) {
  uint8_t *bytes = mmap(NULL, read_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
  if (bytes == MAP_FAILED) fail("mmap: %m");
  const uint8_t *record = bytes;
  do {
    uint32_t stored;
    memcpy(&stored, record + record_size, is_checked ? sizeof stored : 0);
    if (is_checked && checksum_of(record, record_size) != stored) fail("record %llu has changed",
                                                                       (unsigned long long)reader->count);
    record += frame_size;
  } while (reader_take(reader, record - frame_size, record_size));
  munmap(bytes, read_bytes);
}

int main(int argc, char **argv) {
  bool checks = false;
  for (int i = 1; i < argc; i++) checks |= strcmp(argv[i], "checked") == 0;
  const struct peer peer = {.name = "C: pwrite + fdatasync", .window = "one write",
                            .checks = checks ? "record checksums" : "nothing",
                            .open = open_file, .append = append, .read = read_all};
  return harness_main(argc, argv, &peer);
}
