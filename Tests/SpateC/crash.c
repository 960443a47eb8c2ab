/* What was acknowledged as durable is there after kill -9. */
#include "check.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

enum { CAPACITY = 700, ROUNDS = 8 };
extern char **environ;

/* Appends for ever, and writes the sequence of each durable record to standard output. */
static int produce(const char *at) {
  spate_store *store;
  spate_queue *queue;
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  uint64_t next;
  WORKS(spate_queue_durable(queue, &next, &failure));
  for (;; next++) {
    char bytes[CAPACITY];
    spate_entry entry = {bytes, fill(bytes, CAPACITY, next), NULL, 0, NULL, 0, 0};
    uint64_t sequence;
    int code;
    /* Some records wait, most do not. */
    if (next % 5 == 0) {
      WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, &sequence, &failure));
      CHECK(write(1, &sequence, sizeof sequence) == sizeof sequence);
    } else {
      while ((code = spate_append_entry(queue, &entry, &sequence, NULL)) == SPATE_EAGAIN) usleep(50);
      CHECK(code == 0);
    }
    CHECK(sequence == next);
  }
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "produce") == 0) return produce(argv[2]);
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  uint64_t total = 0;
  for (int round = 0; round < ROUNDS; round++) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    char *arguments[] = {argv[0], "produce", at, NULL};
    pid_t child;
    CHECK(posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    uint64_t acknowledged = 0, count = 0;
    for (int seen = 0; seen < 40 + 23 * round; seen++) {
      CHECK(read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
    }
    kill(child, SIGKILL);
    while (read(ends[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {}
    close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    spate_store *store;
    spate_queue *queue;
    spate_cursor *cursor;
    spate_record record;
    WORKS(spate_store_open(at, NULL, &store, &failure));
    WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
    WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
    int code;
    while ((code = spate_cursor_next(cursor, 0, &record, NULL)) == 0) {
      CHECK(record.sequence == count);
      checkRecord(&record, CAPACITY);
      count++;
    }
    CHECK(code == SPATE_END && count > acknowledged && count >= total);
    total = count;
    WORKS(spate_cursor_close(cursor, &failure));
    WORKS(spate_store_close(store, &failure));
    WORKS(spate_queue_close(queue, &failure));
  }
  removeTree(path);
  printf("crash: nothing that was acknowledged is missing in %d lives, %llu records\n", ROUNDS, (unsigned long long)total);
  return 0;
}
