// CRC-32C in four implementations, equal in every value.
//
// Arithmetic: a 64-bit word holds a polynomial over GF(2) in reflected order (bit 63 is x^0). The carry-less product
// of a word a and a 32-bit constant k, seen as a 128-bit word, is a * k * x^33. The CRC instruction over a 64-bit
// word w with state 0 is w * x^32 mod P. So a word with j more words behind it, multiplied by x^(64 j - 33), can be
// added to the products of all other words, and two CRC instructions over that 128-bit sum give the checksum: no
// chain through the message at all.
#include "CSpateChecksum.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <arm_neon.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82F63B78u  // reflected

static inline uint64_t load64(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
  return word;
}

static inline uint32_t load32(const uint8_t *bytes) {
  uint32_t word;
  memcpy(&word, bytes, 4);
  return word;
}

// MARK: - Slicing by 8

static uint32_t slices[8][256];

static void buildSlices(void) {
  uint32_t built[8][256];
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (value & 1 ? POLYNOMIAL : 0);
    built[0][byte] = value;
  }
  for (int slice = 1; slice < 8; slice++)
    for (int byte = 0; byte < 256; byte++) {
      uint32_t previous = built[slice - 1][byte];
      built[slice][byte] = (previous >> 8) ^ built[0][previous & 255];
    }
  memcpy(slices, built, sizeof slices);
}

static uint32_t tableUpdate(uint32_t state, const uint8_t *bytes, size_t count) {
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t word = load64(bytes) ^ state;
    state = slices[7][word & 255] ^ slices[6][word >> 8 & 255] ^ slices[5][word >> 16 & 255]
        ^ slices[4][word >> 24 & 255] ^ slices[3][word >> 32 & 255] ^ slices[2][word >> 40 & 255]
        ^ slices[1][word >> 48 & 255] ^ slices[0][word >> 56];
  }
  for (; count > 0; bytes++, count--) state = (state >> 8) ^ slices[0][(state ^ *bytes) & 255];
  return state;
}

static uint32_t tableBytes(uint32_t seed, const void *bytes, size_t count) {
  return ~tableUpdate(~seed, bytes, count);
}

static uint32_t tableFrame(
    uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count) {
  uint8_t head[20];
  memcpy(head, &bodyByteCount, 4);
  memcpy(head + 4, &timestamp, 8);
  memcpy(head + 12, &shape, 8);
  return ~tableUpdate(tableUpdate(~0u, head, sizeof head), payload, count);
}

// MARK: - Constants for carry-less multiplication

// Powers x^(64 j - 33) mod P in reflected order, j growing towards the front: a run of words that ends the message
// meets its constants by one ascending load. `powersEnd - n` are the constants of the last n words.
#define POWER_COUNT 288
#define powersEnd (powers + POWER_COUNT)
static uint64_t powers[POWER_COUNT] __attribute__((aligned(64)));

static void buildPowers(void) {
  uint32_t value = 0x80000000u;  // x^0
  for (int step = 0; step < 33; step++)
    value = value & 0x80000000u ? (value ^ POLYNOMIAL) << 1 | 1 : value << 1;
  for (int words = 0; words < POWER_COUNT; words++) {
    powers[POWER_COUNT - 1 - words] = value;
    for (int step = 0; step < 64; step++) value = (value >> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  }
}

// MARK: - x86-64

#if defined(__x86_64__)
#define SSE __attribute__((target("sse4.2,pclmul")))
#define AVX __attribute__((target("sse4.2,pclmul,avx2,vpclmulqdq")))
#define INLINE static inline __attribute__((always_inline))

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

// The state after such a message, or after a shorter rest of one; `sum` holds the product of the state before it.
INLINE AVX uint64_t avxRound(__m128i sum, const uint8_t *bytes, size_t count, avxParts parts) {
  const uint8_t *lane = bytes + parts.blocks;
  const size_t stride = 24 * parts.lanes;
  const uint64_t *constants = powersEnd - parts.words;
  const uint8_t *end = bytes + count;
  size_t blocks = parts.blocks;
  __m256i even = _mm256_setzero_si256(), odd = even;
  uint64_t a = 0, b = 0, c = 0;
  for (size_t step = 0; step < parts.lanes; step++) {
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

// Not inlined: the short way keeps free of its registers.
static AVX __attribute__((noinline)) uint64_t avxLong(uint64_t state, const uint8_t *bytes, size_t count) {
  while (count >= AVX_MINIMUM) {
    size_t round = count > AVX_MAXIMUM ? AVX_ROUND : count;
    avxParts parts = avxDivide(round);
    // The state is added to the first word, which is the same as a product of its own.
    state = avxRound(avxProduct(state, powersEnd[-(ptrdiff_t)parts.words]), bytes, round, parts);
    bytes += round, count -= round;
    if (count == 0) return state;
  }
  return sseSerial(state, bytes, count);
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
#endif

// MARK: - arm64

#if defined(__aarch64__)
#ifdef __clang__
#define ARM __attribute__((target("crc,aes")))
#else
#define ARM __attribute__((target("+crc+crypto")))
#endif
#define INLINE static inline __attribute__((always_inline))

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
#endif

// MARK: - Dispatch

static int supports(int implementation) {
  switch (implementation) {
    case SPATE_CRC32C_TABLE: return 1;
#if defined(__x86_64__)
    case SPATE_CRC32C_SSE42:
      __builtin_cpu_init();
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
    case SPATE_CRC32C_VPCLMULQDQ:
      __builtin_cpu_init();
      return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")
          && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("vpclmulqdq");
#elif defined(__aarch64__)
    case SPATE_CRC32C_ARMV8: {
      const unsigned long pmull = 1 << 4, crc32 = 1 << 7;  // HWCAP_PMULL, HWCAP_CRC32
      return (getauxval(AT_HWCAP) & (pmull | crc32)) == (pmull | crc32);
    }
#endif
    default: return 0;
  }
}

static uint32_t resolveBytes(uint32_t seed, const void *bytes, size_t count) {
  spate_crc32c_select(SPATE_CRC32C_BEST);
  return spate_crc32c(seed, bytes, count);
}

static uint32_t resolveFrame(
    uint32_t bodyByteCount, uint64_t timestamp, uint64_t shape, const void *payload, size_t count) {
  spate_crc32c_select(SPATE_CRC32C_BEST);
  return spate_crc32c_frame(bodyByteCount, timestamp, shape, payload, count);
}

spate_crc32c_functions spate_crc32c_dispatch = {resolveBytes, resolveFrame};
static int selected = SPATE_CRC32C_BEST;

static void use(int implementation, spate_crc32c_functions functions) {
  // Release: the constants are written before the functions that read them can be seen.
  __atomic_store_n(&spate_crc32c_dispatch.bytes, functions.bytes, __ATOMIC_RELEASE);
  __atomic_store_n(&spate_crc32c_dispatch.frame, functions.frame, __ATOMIC_RELEASE);
  __atomic_store_n(&selected, implementation, __ATOMIC_RELEASE);
}

int spate_crc32c_select(int implementation) {
  if (implementation == SPATE_CRC32C_BEST) {
    for (implementation = SPATE_CRC32C_ARMV8; !supports(implementation);) implementation--;
  }
  if (!supports(implementation)) return -ENOTSUP;
  // Building again writes the same values; racing selections in tests are harmless.
  switch (implementation) {
#if defined(__x86_64__)
    case SPATE_CRC32C_VPCLMULQDQ:
      if (powersEnd[-1] == 0) buildPowers();
      use(implementation, (spate_crc32c_functions){avxBytes, avxFrame});
      return 0;
    case SPATE_CRC32C_SSE42:
      if (powersEnd[-1] == 0) buildPowers();
      use(implementation, (spate_crc32c_functions){sseBytes, sseFrame});
      return 0;
#elif defined(__aarch64__)
    case SPATE_CRC32C_ARMV8:
      if (powersEnd[-1] == 0) buildPowers();
      use(implementation, (spate_crc32c_functions){armBytes, armFrame});
      return 0;
#endif
    default:
      if (slices[0][1] == 0) buildSlices();
      use(implementation, (spate_crc32c_functions){tableBytes, tableFrame});
      return 0;
  }
}

int spate_crc32c_implementation(void) { return __atomic_load_n(&selected, __ATOMIC_ACQUIRE); }

const char *spate_crc32c_name(void) {
  switch (spate_crc32c_implementation()) {
    case SPATE_CRC32C_SSE42: return "SSE4.2";
    case SPATE_CRC32C_VPCLMULQDQ: return "VPCLMULQDQ";
    case SPATE_CRC32C_ARMV8: return "ARMv8";
    default: return "table";
  }
}

__attribute__((constructor)) static void chooseAtLoad(void) { spate_crc32c_select(SPATE_CRC32C_BEST); }
