// CRC-32C on arm64: its CRC32 instructions, joined with PMULL.
#if defined(__aarch64__)
#include "checksum_parts.h"

#include <arm_acle.h>
#include <arm_neon.h>

#ifdef __clang__
#define ARM __attribute__((target("crc,aes")))
#else
#define ARM __attribute__((target("+crc+crypto")))
#endif

INLINE ARM uint32_t armSerial(uint32_t state, const uint8_t *bytes, size_t count) {
  for (; count >= 8; bytes += 8, count -= 8) state = __crc32cd(state, load64(bytes));
  if (count & 4) state = __crc32cw(state, load32(bytes)), bytes += 4;
  if (count & 2) {
    uint16_t half;
    memcpy(&half, bytes, 2);
    state = __crc32ch(state, half), bytes += 2;
  }
  if (count & 1) state = __crc32cb(state, *bytes);
  return state;
}

INLINE ARM uint64_t armMultiply(uint64_t a, uint64_t b) {
  return (uint64_t)vgetq_lane_u64(vreinterpretq_u64_p128(vmull_p64((poly64_t)a, (poly64_t)b)), 0);
}

INLINE ARM uint32_t armUpdate(uint32_t state, const uint8_t *bytes, size_t count) {
  while (count >= 144) {
    size_t words = count / 24;
    if (words > 128) words = 128;
    const uint8_t *second = bytes + 8 * words, *third = second + 8 * words;
    uint32_t a = state, b = 0, c = 0;
    for (size_t word = 0; word + 1 < words; word++) {
      a = __crc32cd(a, load64(bytes + 8 * word));
      b = __crc32cd(b, load64(second + 8 * word));
      c = __crc32cd(c, load64(third + 8 * word));
    }
    a = __crc32cd(a, load64(second - 8));
    b = __crc32cd(b, load64(third - 8));
    uint64_t joined = armMultiply(a, powersEnd[-1 - 2 * (ptrdiff_t)words])
        ^ armMultiply(b, powersEnd[-1 - (ptrdiff_t)words]) ^ load64(third + 8 * words - 8);
    state = __crc32cd(c, joined);
    bytes += 24 * words, count -= 24 * words;
  }
  return armSerial(state, bytes, count);
}

static ARM uint32_t armBytes(uint32_t seed, const void *bytes, size_t count) {
  return ~armUpdate(~seed, bytes, count);
}

static ARM uint32_t armFrame(
    uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count) {
  uint32_t head = __crc32cd(__crc32cd(__crc32cw(~0u, bodyByteCount), timestamp), shape);
  return ~armUpdate(head, payload, count);
}

static ARM int armRecord(const void *frame, size_t available) {
  int64_t count = recordBody(frame, available);
  if (count < 0) return SPATE_RECORD_OTHER;
  if (count > 256) spate_prefetch_for_reading((const uint8_t *)frame + AHEAD, 20 + (size_t)count);
  return recordCheck(frame, armUpdate(~0u, (const uint8_t *)frame + 12, 20 + (size_t)count));
}

const spate_crc32c_functions spate_crc32c_armv8 = {armBytes, armFrame, armRecord};
#endif
