// What the implementations of CRC-32C share.
#ifndef CSPATE_CHECKSUM_PARTS_H
#define CSPATE_CHECKSUM_PARTS_H

#include "CSpateChecksum.h"
#include "CSpateThreads.h"

#include <string.h>

#define POLYNOMIAL 0x82F63B78u  // reflected
#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t load64(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
  return word;
}

INLINE uint32_t load32(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, 4);
  return word;
}

// Powers x^(64 j - 33) mod P in reflected order, j growing towards the front: a run of words that ends the message
// meets its constants by one ascending load. `powersEnd - n` are the constants of the last n words.
#define POWER_COUNT 288
#define powersEnd (spate_crc32c_powers + POWER_COUNT)
extern uint64_t spate_crc32c_powers[POWER_COUNT];

#define HEADER 32    // FrameHeader.byteCount; FrameHeader.swift draws its fields
#define RECORD 1     // FrameType.record
#define CONTINUES 1  // FrameFlags.continues

// The body's bytes of a record that is whole in `available` bytes and well-formed; -1 for any other frame.
INLINE int64_t recordBody(const uint8_t *frame, size_t available) {
  if (available < HEADER) return -1;
  uint64_t shape = load64(frame + 24);
  uint32_t count = load32(frame + 12);
  if (count > available - HEADER) return -1;
  // Mostly there are no key, no headers and no batch.
  if (shape == RECORD) return count;
  size_t attached = (shape >> 16 & 0xFFFF) + (shape >> 32);
  return (shape & 0xFF) == RECORD && attached <= count ? (int64_t)count : -1;
}

// What `spate_record_check` returns for the state after such a record.
INLINE int recordCheck(const uint8_t *frame, uint32_t state) {
  if (~state != load32(frame + 8)) return SPATE_RECORD_OTHER;
  return frame[25] & CONTINUES ? SPATE_RECORD_CONTINUES : SPATE_RECORD_INTACT;
}

// The implementations beside the table's.
#if defined(__x86_64__)
extern const spate_crc32c_functions spate_crc32c_sse42, spate_crc32c_vpclmulqdq;
#elif defined(__aarch64__)
extern const spate_crc32c_functions spate_crc32c_armv8;
#endif

// How far ahead a reader asks for memory, beyond what the processor does by itself: over a page's end, and for several
// places at once. 4 KiB is too near for records of 4 KB, and 16 KiB brings no more.
#define AHEAD 8192

#endif
