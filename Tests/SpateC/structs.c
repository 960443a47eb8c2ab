/* Structs with a size field, of programs that are older or newer than the library: nothing is read or written beyond what
 * the caller has. They end where their page ends, and the next page is out of bounds. */
#define _GNU_SOURCE
#include "check.h"

#include <sys/mman.h>

enum { PAGE = 4096, LARGEST = 4096 };

static char *edge;

static void makeEdge(void) {
  char *pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && mprotect(pages + 2 * PAGE, PAGE, PROT_NONE) == 0);
  edge = pages + 2 * PAGE;
}

/* A struct of `size` bytes that ends at the edge, filled with `filler` behind its size field. */
static void *structOf(size_t size, int filler) {
  char *start = edge - size;
  memset(edge - 2 * PAGE, 0x55, 2 * PAGE);
  memset(start, filler, size);
  memcpy(start, &size, sizeof size);
  return start;
}

static spate_store *store;
static spate_queue *queue;
static spate_cursor *cursor;
static const char *at;

static int openStore(void *options, spate_error *failure) {
  spate_store *opened;
  int code = spate_store_open(at, options, &opened, failure);
  if (code == 0) WORKS(spate_store_close(opened, &failure));
  return code;
}

static int openQueue(void *options, spate_error *failure) {
  spate_queue *opened;
  int code = spate_queue_open(store, "q", options, &opened, failure);
  if (code == 0) WORKS(spate_queue_close(opened, &failure));
  return code;
}

static int openCursor(void *options, spate_error *failure) {
  spate_cursor *opened;
  int code = spate_cursor_open(queue, options, &opened, failure);
  if (code == 0) WORKS(spate_cursor_close(opened, &failure));
  return code;
}

static int storeStatistics(void *place, spate_error *failure) { return spate_store_statistics_get(store, place, failure); }
static int queueStatistics(void *place, spate_error *failure) { return spate_queue_statistics_get(queue, place, failure); }
static int cursorState(void *place, spate_error *failure) { return spate_cursor_state_get(cursor, place, failure); }

typedef int (*call)(void *, spate_error *);

/* Options: what a caller does not have is zero, and what the library does not know must be. */
static void takesOptionsOfEverySize(call open, size_t known) {
  GIVES(SPATE_EINVAL, open(structOf(8, 0), &failure));
  for (size_t size = 16; size <= known + 64; size += 8) WORKS(open(structOf(size, 0), &failure));
  WORKS(open(structOf(LARGEST, 0), &failure));
  char *newer = structOf(known + 32, 0);
  newer[known + 31] = 1;
  GIVES(SPATE_EINVAL, open(newer, &failure));
  size_t absurd = SIZE_MAX;
  memcpy(structOf(known, 0), &absurd, sizeof absurd);
  GIVES(SPATE_EINVAL, open(edge - known, &failure));
  absurd = 0;
  memcpy(edge - known, &absurd, sizeof absurd);
  GIVES(SPATE_EINVAL, open(edge - known, &failure));
}

/* Results: the caller's bytes and no others are written; those that the library does not know become zero. */
static void fillsStructsOfEverySize(call get, size_t known) {
  for (size_t size = 16; size <= known + 64; size += 8) {
    char *place = structOf(size, 0x33);
    WORKS(get(place, &failure));
    size_t told;
    memcpy(&told, place, sizeof told);
    CHECK(told == size && place[-1] == 0x55);
    for (size_t index = known; index < size; index++) CHECK(place[index] == 0);
  }
  GIVES(SPATE_EINVAL, get(NULL, &failure));
}

/* A spate_error that is too small is left alone; in a larger one the rest is. */
static void fillsErrorsOfEverySize(void) {
  for (size_t size = 8; size <= sizeof(spate_error) + 64; size += 8) {
    char *place = structOf(size, 0x33);
    CHECK(spate_store_open(NULL, NULL, NULL, (spate_error *)place) == SPATE_EINVAL);
    size_t told;
    memcpy(&told, place, sizeof told);
    CHECK(told == size && place[-1] == 0x55);
    int32_t code;
    memcpy(&code, size > 8 ? place + 8 : place, sizeof code);
    if (size >= sizeof(spate_error)) CHECK(code == SPATE_EINVAL);
    else if (size > 8) CHECK(code == 0x33333333);
    for (size_t index = sizeof(spate_error); index < size; index++) CHECK(place[index] == 0x33);
  }
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  char live[600], other[600];
  snprintf(live, sizeof live, "%s/live", path);
  snprintf(other, sizeof other, "%s/store", path);
  at = other;
  makeEdge();
  WORKS(spate_store_open(live, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  spate_cursor_options named = SPATE_CURSOR_OPTIONS_INIT;
  named.name = "reader";
  WORKS(spate_cursor_open(queue, &named, &cursor, &failure));
  takesOptionsOfEverySize(openStore, sizeof(spate_store_options));
  takesOptionsOfEverySize(openQueue, sizeof(spate_queue_options));
  takesOptionsOfEverySize(openCursor, sizeof(spate_cursor_options));
  fillsStructsOfEverySize(storeStatistics, sizeof(spate_store_statistics));
  fillsStructsOfEverySize(queueStatistics, sizeof(spate_queue_statistics));
  fillsStructsOfEverySize(cursorState, sizeof(spate_cursor_state));
  fillsErrorsOfEverySize();
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_queue_close(queue, &failure));
  WORKS(spate_store_close(store, &failure));
  removeTree(path);
  puts("structs: older and newer callers get along with the library");
  return 0;
}
