// CRC-32C in four implementations, equal in every value.
//
// Arithmetic: a 64-bit word holds a polynomial over GF(2) in reflected order (bit 63 is x^0). The carry-less product
// of a word a and a 32-bit constant k, seen as a 128-bit word, is a * k * x^33. The CRC instruction over a 64-bit
// word w with state 0 is w * x^32 mod P. So a word with j more words behind it, multiplied by x^(64 j - 33), can be
// added to the products of all other words, and two CRC instructions over that 128-bit sum give the checksum: no
// chain through the message at all.
#include "checksum_parts.h"

#include <errno.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

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

static int tableRecord(const void *frame, size_t available) {
  int64_t count = recordBody(frame, available);
  if (count < 0) return SPATE_RECORD_OTHER;
  return recordCheck(frame, tableUpdate(~0u, (const uint8_t *)frame + 12, 20 + (size_t)count));
}

// MARK: - Constants for carry-less multiplication

uint64_t spate_crc32c_powers[POWER_COUNT] __attribute__((aligned(64)));

static void buildPowers(void) {
  uint32_t value = 0x80000000u;  // x^0
  for (int step = 0; step < 33; step++)
    value = value & 0x80000000u ? (value ^ POLYNOMIAL) << 1 | 1 : value << 1;
  for (int words = 0; words < POWER_COUNT; words++) {
    spate_crc32c_powers[POWER_COUNT - 1 - words] = value;
    for (int step = 0; step < 64; step++) value = (value >> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  }
}

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

static int resolveRecord(const void *frame, size_t available) {
  spate_crc32c_select(SPATE_CRC32C_BEST);
  return spate_record_check(frame, available);
}

spate_crc32c_functions spate_crc32c_dispatch = {resolveBytes, resolveFrame, resolveRecord};
static int selected = SPATE_CRC32C_BEST;

static void use(int implementation, spate_crc32c_functions functions) {
  // Release: the constants are written before the functions that read them can be seen.
  __atomic_store_n(&spate_crc32c_dispatch.bytes, functions.bytes, __ATOMIC_RELEASE);
  __atomic_store_n(&spate_crc32c_dispatch.frame, functions.frame, __ATOMIC_RELEASE);
  __atomic_store_n(&spate_crc32c_dispatch.record, functions.record, __ATOMIC_RELEASE);
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
      use(implementation, spate_crc32c_vpclmulqdq);
      return 0;
    case SPATE_CRC32C_SSE42:
      if (powersEnd[-1] == 0) buildPowers();
      use(implementation, spate_crc32c_sse42);
      return 0;
#elif defined(__aarch64__)
    case SPATE_CRC32C_ARMV8:
      if (powersEnd[-1] == 0) buildPowers();
      use(implementation, spate_crc32c_armv8);
      return 0;
#endif
    default:
      if (slices[0][1] == 0) buildSlices();
      use(implementation, (spate_crc32c_functions){tableBytes, tableFrame, tableRecord});
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
