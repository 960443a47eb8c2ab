// CRC-32C (Castagnoli), chosen at load time for the processor that runs.
#ifndef CSPATE_CHECKSUM_H
#define CSPATE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Implementations, for `spate_crc32c_select`. The numbers are stable.
enum {
  SPATE_CRC32C_BEST = -1,        // what the constructor chose
  SPATE_CRC32C_TABLE = 0,        // slicing-by-8, any processor
  SPATE_CRC32C_SSE42 = 1,        // x86-64: SSE4.2 in three lanes, joined with PCLMULQDQ
  SPATE_CRC32C_VPCLMULQDQ = 2,   // x86-64: 256-bit carry-less multiplication (AVX2)
  SPATE_CRC32C_ARMV8 = 3,        // arm64: CRC32 instructions in three lanes, joined with PMULL
};

// The dispatch table. Written by the constructor (and by `spate_crc32c_select` in tests); call the functions below
// instead. Pointers start at resolvers, so a call before the constructor ran is right, too.
typedef struct spate_crc32c_functions {
  uint32_t (*bytes)(uint32_t seed, const void *bytes, size_t count);
  uint32_t (*frame)(uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count);
  int (*record)(const void *frame, size_t available);
} spate_crc32c_functions;
extern spate_crc32c_functions spate_crc32c_dispatch;

// CRC-32C of `count` bytes. `seed` is 0 to start, or the value of the bytes before these: crc(crc(0, a), b) is
// crc(0, ab). `bytes` may be null when `count` is 0. Any thread.
static inline uint32_t spate_crc32c(uint32_t seed, const void *bytes, size_t count) {
  // Relaxed: every function that was ever stored computes the same value.
  return __atomic_load_n(&spate_crc32c_dispatch.bytes, __ATOMIC_RELAXED)(seed, bytes, count);
}

// CRC-32C of a frame: the 20 bytes {bodyByteCount, timestamp, shape} as little-endian integers (bytes 12..<32 of the
// frame header), followed by `count` bytes at `payload`. Chain key and headers with `spate_crc32c`. Any thread.
static inline uint32_t spate_crc32c_frame(
    uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count) {
  return __atomic_load_n(&spate_crc32c_dispatch.frame, __ATOMIC_RELAXED)(
      bodyByteCount, timestamp, shape, payload, count);
}

// What `spate_record_check` finds.
enum {
  SPATE_RECORD_OTHER = 0,      // anything but a whole and intact record
  SPATE_RECORD_INTACT = 1,     // a record that is whole, well-formed and has the checksum that its header names
  SPATE_RECORD_CONTINUES = 2,  // the same, and more of its batch comes behind it
};

// Checks the record at `frame`, of whose bytes `available` may be read. Any thread.
//
// For reading a log: it asks for memory ahead, and takes few instructions for short records. How long the chain of one is
// does not matter there, as those of several overlap in the processor; it does for `spate_crc32c_frame`, behind which an
// append waits.
static inline int spate_record_check(const void *frame, size_t available) {
  return __atomic_load_n(&spate_crc32c_dispatch.record, __ATOMIC_RELAXED)(frame, available);
}

// The name of the implementation in use, for people to read. A static string.
const char *spate_crc32c_name(void);

// The number of the implementation in use.
int spate_crc32c_implementation(void);

// Switches to an implementation, process-wide; for tests and benchmarks. Returns 0, or -ENOTSUP (nothing changes)
// when this processor lacks it.
int spate_crc32c_select(int implementation);

#endif
