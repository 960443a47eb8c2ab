/* What the C tests share: a check that says where it failed, and stores in directories of their own. */
#ifndef CHECK_H
#define CHECK_H

#include <spate.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);             \
      exit(1);                                                                            \
    }                                                                                     \
  } while (0)

/* Checks that a call gives a code. The call's last argument is &failure. */
#define GIVES(expected, call)                                                              \
  do {                                                                                     \
    spate_error failure = SPATE_ERROR_INIT;                                                \
    int given = (call);                                                                    \
    if (given != (expected)) {                                                             \
      fprintf(stderr, "%s:%d: %s gave %s, not %s: %s\n", __FILE__, __LINE__, #call,        \
              spate_code_name(given), spate_code_name(expected), failure.message);         \
      exit(1);                                                                             \
    }                                                                                      \
    if (given < 0) CHECK(failure.code == given && failure.message[0] != 0);                \
  } while (0)

#define WORKS(call) GIVES(SPATE_OK, call)

/* A directory below the first argument of the program, or below /tmp. */
static inline const char *scratch(int argc, char **argv) {
  static char path[512];
  snprintf(path, sizeof path, "%s/spate-c-XXXXXX", argc > 1 ? argv[1] : "/tmp");
  CHECK(mkdtemp(path) != NULL);
  return path;
}

static inline void removeTree(const char *path) {
  char command[600];
  snprintf(command, sizeof command, "rm -rf '%s'", path);
  CHECK(system(command) == 0);
}

/* The bytes of record `number`: they tell which it is. */
static inline size_t fill(char *bytes, size_t capacity, uint64_t number) {
  size_t size = 1 + number * 37 % (capacity - 1);
  for (size_t index = 0; index < size; index++) bytes[index] = (char)(number * 31 + index * 7);
  return size;
}

static inline void checkRecord(const spate_record *record, size_t capacity) {
  char bytes[4096];
  size_t size = fill(bytes, capacity, record->sequence);
  CHECK(record->payload_size == size && memcmp(record->payload, bytes, size) == 0);
}

#endif
