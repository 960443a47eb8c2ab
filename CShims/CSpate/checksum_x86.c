// CRC-32C on x86-64: the instruction of SSE4.2, and with it carry-less multiplication of 256 bits.
#if defined(__x86_64__)
#include "checksum_parts.h"

#include <immintrin.h>

#define SSE __attribute__((target("sse4.2,pclmul")))
#define AVX __attribute__((target("sse4.2,pclmul,avx2,vpclmulqdq")))

// Fewer than 8 bytes. `before` tells whether 8 bytes that end with these may be read.
INLINE SSE uint64_t sseRest(uint64_t state, const uint8_t *bytes, size_t count, int before) {
  if (before) {
    // The last `count` bytes stand at the top of the word; with state 0, leading zero bytes change nothing.
    unsigned shift = 63 - 8 * (unsigned)count;
    uint64_t word = load64(bytes + count - 8) >> 1 >> shift;
    return (state >> 8 * count) ^ _mm_crc32_u64(0, (state ^ word) << shift << 1);
  }
  if (count & 4) state = _mm_crc32_u32((uint32_t)state, load32(bytes)), bytes += 4;
  if (count & 2) {
    uint16_t half;
    memcpy(&half, bytes, 2);
    state = _mm_crc32_u16((uint32_t)state, half), bytes += 2;
  }
  if (count & 1) state = _mm_crc32_u8((uint32_t)state, *bytes);
  return state;
}

INLINE SSE uint64_t sseSerial(uint64_t state, const uint8_t *bytes, size_t count) {
  int before = count >= 8;
  for (; count >= 8; bytes += 8, count -= 8) state = _mm_crc32_u64(state, load64(bytes));
  return sseRest(state, bytes, count, before);
}

INLINE SSE uint64_t sseMultiply(uint64_t a, uint64_t b) {
  return (uint64_t)_mm_cvtsi128_si64(
      _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0));
}

// Three independent lanes hide the instruction's latency of three cycles; two products join them.
INLINE SSE uint64_t sseUpdate(uint64_t state, const uint8_t *bytes, size_t count) {
  while (count >= 144) {
    size_t words = count / 24;
    if (words > 128) words = 128;
    const uint8_t *second = bytes + 8 * words, *third = second + 8 * words;
    uint64_t a = state, b = 0, c = 0;
    for (size_t word = 0; word + 1 < words; word++) {
      a = _mm_crc32_u64(a, load64(bytes + 8 * word));
      b = _mm_crc32_u64(b, load64(second + 8 * word));
      c = _mm_crc32_u64(c, load64(third + 8 * word));
    }
    a = _mm_crc32_u64(a, load64(second - 8));
    b = _mm_crc32_u64(b, load64(third - 8));
    // The products stand in for the last word's place: one instruction reduces them with it.
    uint64_t joined = sseMultiply(a, powersEnd[-1 - 2 * (ptrdiff_t)words])
        ^ sseMultiply(b, powersEnd[-1 - (ptrdiff_t)words]) ^ load64(third + 8 * words - 8);
    state = _mm_crc32_u64(c, joined);
    bytes += 24 * words, count -= 24 * words;
  }
  return sseSerial(state, bytes, count);
}

INLINE SSE uint64_t sseHead(uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape) {
  return _mm_crc32_u64(_mm_crc32_u64(_mm_crc32_u32(~0u, bodyByteCount), timestamp), shape);
}

static SSE uint32_t sseBytes(uint32_t seed, const void *bytes, size_t count) {
  return ~(uint32_t)sseUpdate(~seed, bytes, count);
}

static SSE uint32_t sseFrame(
    uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count) {
  return ~(uint32_t)sseUpdate(sseHead(bodyByteCount, timestamp, shape), payload, count);
}

// Up to here a body's words go through one chain, in few instructions: chains of records that follow each other overlap.
#define SHORT_RECORD 256

// The state after bytes 12..<32 of a header and a short body.
INLINE SSE uint64_t sseShortRecord(const uint8_t *frame, size_t count) {
  uint64_t state = _mm_crc32_u32(~0u, load32(frame + 12));
  state = _mm_crc32_u64(_mm_crc32_u64(state, load64(frame + 16)), load64(frame + 24));
  const uint8_t *word = frame + HEADER, *end = word + (count & ~(size_t)31);
#pragma clang loop unroll(disable)
  for (; word < end; word += 32) {
    state = _mm_crc32_u64(state, load64(word));
    state = _mm_crc32_u64(state, load64(word + 8));
    state = _mm_crc32_u64(state, load64(word + 16));
    state = _mm_crc32_u64(state, load64(word + 24));
  }
  if (count & 16) state = _mm_crc32_u64(_mm_crc32_u64(state, load64(word)), load64(word + 8)), word += 16;
  if (count & 8) state = _mm_crc32_u64(state, load64(word)), word += 8;
  return sseRest(state, word, count & 7, 0);
}

// Not inlined, so that short records save no registers.
static SSE __attribute__((noinline)) uint64_t sseLongRecord(const uint8_t *frame, size_t count) {
  spate_prefetch_for_reading(frame + AHEAD, 20 + count);
  return sseUpdate(~0u, frame + 12, 20 + count);
}

// A record whose state, should it be long, `longRecord` computes.
INLINE SSE int sseRecordOr(
    const void *frame, size_t available, uint64_t (*longRecord)(const uint8_t *frame, size_t count)) {
  int64_t count = recordBody(frame, available);
  if (count < 0) return SPATE_RECORD_OTHER;
  uint64_t state =
      count <= SHORT_RECORD ? sseShortRecord(frame, (size_t)count) : longRecord(frame, (size_t)count);
  return recordCheck(frame, (uint32_t)state);
}

static SSE int sseRecord(const void *frame, size_t available) {
  return sseRecordOr(frame, available, sseLongRecord);
}

INLINE AVX __m256i avxLoad(const void *bytes) { return _mm256_loadu_si256(bytes); }

INLINE AVX __m256i avxProducts(__m256i data, __m256i constants) {
  return _mm256_xor_si256(
      _mm256_clmulepi64_epi128(data, constants, 0x00), _mm256_clmulepi64_epi128(data, constants, 0x11));
}

// One product of both 64-bit halves each with its constant.
INLINE AVX __m128i sseProducts(__m128i data, const uint64_t *constants) {
  __m128i pair = _mm_loadu_si128((const __m128i *)constants);
  return _mm_xor_si128(_mm_clmulepi64_si128(data, pair, 0x00), _mm_clmulepi64_si128(data, pair, 0x11));
}

INLINE AVX __m128i avxProduct(uint64_t a, uint64_t b) {
  return _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0);
}

// The state after a message of 64 bytes or more that has constants in the table.
INLINE AVX uint64_t avxShort(uint64_t state, const uint8_t *bytes, size_t count) {
  size_t blocks = count & ~(size_t)15;
  const uint64_t *constants = powersEnd - blocks / 8;
  // The state is added to the first four bytes.
  __m256i first = _mm256_xor_si256(avxLoad(bytes), _mm256_zextsi128_si256(_mm_cvtsi64_si128((long long)state)));
  __m256i even = avxProducts(first, avxLoad(constants));
  __m256i odd = avxProducts(avxLoad(bytes + 32), avxLoad(constants + 4));
  bytes += 64, constants += 8, blocks -= 64;
  for (; blocks >= 64; bytes += 64, constants += 8, blocks -= 64) {
    even = _mm256_xor_si256(even, avxProducts(avxLoad(bytes), avxLoad(constants)));
    odd = _mm256_xor_si256(odd, avxProducts(avxLoad(bytes + 32), avxLoad(constants + 4)));
  }
  if (blocks & 32) {
    even = _mm256_xor_si256(even, avxProducts(avxLoad(bytes), avxLoad(constants)));
    bytes += 32, constants += 4;
  }
  even = _mm256_xor_si256(even, odd);
  __m128i sum = _mm_xor_si128(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1));
  if (blocks & 16) {
    sum = _mm_xor_si128(sum, sseProducts(_mm_loadu_si128((const __m128i *)bytes), constants));
    bytes += 16;
  }
  state = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(sum));
  state = _mm_crc32_u64(state, (uint64_t)_mm_extract_epi64(sum, 1));
  if (count & 8) state = _mm_crc32_u64(state, load64(bytes)), bytes += 8;
  return count & 7 ? sseRest(state, bytes, count & 7, 1) : state;
}

// How a message of 512 to 2240 bytes is divided. The vector units multiply 8 bytes a cycle, and so does the CRC unit
// beside them: both work at once on parts of about equal length, and meet in one sum.
//
//     | products: blocks, 16 each | lane a: 24 n | lane b: 24 n | lane c: 24 n | rest: 0 to 15 bytes |
//
// INVARIANT: `blocks` >= 64 n and >= 64, and `blocks + 72 n` bytes have constants in the table.
#define AVX_MINIMUM 64
#define AVX_LANES 512   // shorter messages go without lanes: dividing them costs more than it brings
#define AVX_MAXIMUM 2240
#define AVX_ROUND 2176  // 16 times 136: what is taken off the front of a longer message

typedef struct {
  size_t lanes, blocks, words;
} avxParts;

INLINE avxParts avxDivide(size_t count) {
  avxParts parts;
  parts.lanes = count / 136;
  parts.blocks = (count - 72 * parts.lanes) & ~(size_t)15;
  parts.words = (parts.blocks + 72 * parts.lanes) / 8;
  return parts;
}

// The state after such a message, or after a shorter rest of one; `sum` holds the product of the state before it. Who
// `isReading` asks for what comes ahead: the four places that are read from at once keep the processor from it.
INLINE AVX uint64_t avxRound(__m128i sum, const uint8_t *bytes, size_t count, avxParts parts, int isReading) {
  const uint8_t *ahead = bytes + AHEAD;
  const uint8_t *lane = bytes + parts.blocks;
  const size_t stride = 24 * parts.lanes;
  const uint64_t *constants = powersEnd - parts.words;
  const uint8_t *end = bytes + count;
  size_t blocks = parts.blocks;
  __m256i even = _mm256_setzero_si256(), odd = even;
  uint64_t a = 0, b = 0, c = 0;
  for (size_t step = 0; step < parts.lanes; step++) {
    if (isReading) {
      spate_prefetch_for_reading(ahead, 136);
      ahead += 136;
    }
    even = _mm256_xor_si256(even, avxProducts(avxLoad(bytes), avxLoad(constants)));
    odd = _mm256_xor_si256(odd, avxProducts(avxLoad(bytes + 32), avxLoad(constants + 4)));
    bytes += 64, blocks -= 64, constants += 8;
    for (int word = 0; word < 3; word++, lane += 8) {
      a = _mm_crc32_u64(a, load64(lane));
      b = _mm_crc32_u64(b, load64(lane + stride));
      c = _mm_crc32_u64(c, load64(lane + 2 * stride));
    }
  }
  for (; blocks >= 64; bytes += 64, blocks -= 64, constants += 8) {
    even = _mm256_xor_si256(even, avxProducts(avxLoad(bytes), avxLoad(constants)));
    odd = _mm256_xor_si256(odd, avxProducts(avxLoad(bytes + 32), avxLoad(constants + 4)));
  }
  if (blocks & 32) {
    even = _mm256_xor_si256(even, avxProducts(avxLoad(bytes), avxLoad(constants)));
    bytes += 32, constants += 4;
  }
  if (blocks & 16) sum = _mm_xor_si128(sum, sseProducts(_mm_loadu_si128((const __m128i *)bytes), constants));
  if (parts.lanes > 0) {
    // A lane's state with j words behind it is one more term: its constant is that of the word before.
    sum = _mm_xor_si128(sum, avxProduct(a, powersEnd[-6 * (ptrdiff_t)parts.lanes]));
    sum = _mm_xor_si128(sum, avxProduct(b, powersEnd[-3 * (ptrdiff_t)parts.lanes]));
  }
  even = _mm256_xor_si256(even, odd);
  sum = _mm_xor_si128(sum, _mm_xor_si128(_mm256_castsi256_si128(even), _mm256_extracti128_si256(even, 1)));
  uint64_t state = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(sum));
  state = _mm_crc32_u64(state, (uint64_t)_mm_extract_epi64(sum, 1)) ^ c;
  if ((count - 8 * parts.words) & 8) state = _mm_crc32_u64(state, load64(end - (count & 7) - 8));
  return count & 7 ? sseRest(state, end - (count & 7), count & 7, 1) : state;
}

INLINE AVX uint64_t avxRounds(uint64_t state, const uint8_t *bytes, size_t count, int isReading) {
  while (count >= AVX_MINIMUM) {
    size_t round = count > AVX_MAXIMUM ? AVX_ROUND : count;
    avxParts parts = avxDivide(round);
    // The state is added to the first word, which is the same as a product of its own.
    state = avxRound(avxProduct(state, powersEnd[-(ptrdiff_t)parts.words]), bytes, round, parts, isReading);
    bytes += round, count -= round;
    if (count == 0) return state;
  }
  return sseSerial(state, bytes, count);
}

// Not inlined: the short way keeps free of its registers.
static AVX __attribute__((noinline)) uint64_t avxLong(uint64_t state, const uint8_t *bytes, size_t count) {
  return avxRounds(state, bytes, count, 0);
}

INLINE AVX uint64_t avxUpdate(uint64_t state, const uint8_t *bytes, size_t count) {
  if (count < AVX_MINIMUM) return sseSerial(state, bytes, count);
  return count < AVX_LANES ? avxShort(state, bytes, count) : avxLong(state, bytes, count);
}

static AVX uint32_t avxBytes(uint32_t seed, const void *bytes, size_t count) {
  return ~(uint32_t)avxUpdate(~seed, bytes, count);
}

static AVX uint32_t avxFrame(
    uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count) {
  return ~(uint32_t)avxUpdate(sseHead(bodyByteCount, timestamp, shape), payload, count);
}

static AVX __attribute__((noinline)) uint64_t avxLongRecord(const uint8_t *frame, size_t count) {
  return 20 + count < AVX_LANES ? sseLongRecord(frame, count) : avxRounds(~0u, frame + 12, 20 + count, 1);
}

static AVX int avxRecord(const void *frame, size_t available) {
  return sseRecordOr(frame, available, avxLongRecord);
}

const spate_crc32c_functions spate_crc32c_sse42 = {sseBytes, sseFrame, sseRecord};
const spate_crc32c_functions spate_crc32c_vpclmulqdq = {avxBytes, avxFrame, avxRecord};
#endif
