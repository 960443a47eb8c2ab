/* The child of a fork has inert handles, and holds and harms nothing of its parent's store. */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static volatile int isStopping;
static int isChild;

/* Asked by the address sanitizer at the end of a process: what threads hold that a fork left behind looks leaked to its
 * child. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return isChild; }

static int descriptorCount(void) {
  int count = 0;
  DIR *directory = opendir("/proc/self/fd");
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

static void *produce(void *queue) {
  char bytes[200];
  spate_entry entry = {bytes, 0, NULL, 0, NULL, 0, 0};
  memset(bytes, 'x', sizeof bytes);
  uint64_t sequence = 0;
  while (!isStopping) {
    entry.payload_size = sizeof bytes;
    WORKS(spate_append_wait(queue, &entry, sequence % 16 ? SPATE_PUBLISHED : SPATE_DURABLE, -1, &sequence, &failure));
  }
  return NULL;
}

/* Everything is inert in the child. */
static void behaveAsChild(spate_store *store, spate_queue *queue, spate_cursor *cursor, spate_batch *batch,
                          spate_claim *claim, int descriptors) {
  isChild = 1;
  spate_atfork_child();
  CHECK(descriptorCount() == descriptors);
  spate_store *other;
  spate_record record;
  uint64_t number;
  GIVES(SPATE_ECLOSED, spate_append(queue, "x", 1, &number, &failure));
  GIVES(SPATE_ECLOSED, spate_queue_durable(queue, &number, &failure));
  GIVES(SPATE_ECLOSED, spate_cursor_next(cursor, 0, &record, &failure));
  GIVES(SPATE_ECLOSED, spate_batch_release(batch, &failure));
  GIVES(SPATE_ECLOSED, spate_claim_publish(claim, 0, -1, &failure));
  GIVES(SPATE_ECLOSED, spate_cursor_close(cursor, &failure));
  GIVES(SPATE_ECLOSED, spate_queue_close(queue, &failure));
  GIVES(SPATE_ECLOSED, spate_store_close(store, &failure));
  GIVES(SPATE_ECLOSED, spate_store_open("/tmp/nowhere", NULL, &other, &failure));
}

static void forkBesideProducers(const char *at) {
  int before = descriptorCount();
  spate_store *store;
  spate_queue *queue;
  spate_cursor *cursor;
  spate_batch *batch;
  const spate_record *records;
  size_t count;
  pthread_t threads[2];
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  spate_entry entry = {"first", 5, NULL, 0, NULL, 0, 0};
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, NULL, &failure));
  int descriptor;
  WORKS(spate_store_event_fd(store, &descriptor, &failure));
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  for (int index = 0; index < 2; index++) CHECK(pthread_create(&threads[index], NULL, produce, queue) == 0);
  for (int round = 0; round < 12; round++) {
    spate_claim claim;
    WORKS(spate_cursor_next_batch(cursor, 10, 0, -1, &batch, &records, &count, &failure));
    WORKS(spate_claim_begin(queue, 8, -1, &claim, &failure));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      behaveAsChild(store, queue, cursor, batch, &claim, before);
      if (round % 2) exit(0);
      _exit(0);
    }
    memcpy(claim.bytes, "claimed!", 8);
    WORKS(spate_claim_publish(&claim, SPATE_PUBLISHED, -1, &failure));
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    WORKS(spate_batch_release(batch, &failure));
    usleep(20000);
  }
  isStopping = 1;
  for (int index = 0; index < 2; index++) pthread_join(threads[index], NULL);
  uint64_t last;
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, &last, &failure));
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_store_close(store, &failure));
  WORKS(spate_queue_close(queue, &failure));
  CHECK(descriptorCount() == before);
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  WORKS(spate_cursor_open(queue, NULL, &cursor, &failure));
  spate_record record;
  uint64_t expected = 0;
  while (spate_cursor_next(cursor, 0, &record, NULL) == 0) CHECK(record.sequence == expected++);
  CHECK(expected == last + 1);
  WORKS(spate_cursor_close(cursor, &failure));
  WORKS(spate_store_close(store, &failure));
  WORKS(spate_queue_close(queue, &failure));
}

/* Opens a store, forks a child that lives on, tells its number, and is killed. */
static int own(const char *at) {
  spate_store *store;
  spate_queue *queue;
  WORKS(spate_store_open(at, NULL, &store, &failure));
  WORKS(spate_queue_open(store, "q", NULL, &queue, &failure));
  spate_entry entry = {"last", 4, NULL, 0, NULL, 0, 0};
  WORKS(spate_append_wait(queue, &entry, SPATE_DURABLE, -1, NULL, &failure));
  pid_t child = fork();
  if (child == 0) {
    spate_atfork_child();
    pid_t self = getpid();
    CHECK(write(1, &self, sizeof self) == sizeof self);
    for (;;) pause();
  }
  for (;;) pause();
}

/* A store whose owner was killed is free although a child of the owner lives on. */
static void outliveTheOwner(char *program, const char *at) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  char *arguments[] = {program, "own", (char *)at, NULL};
  pid_t owner, orphan;
  CHECK(posix_spawn(&owner, "/proc/self/exe", &actions, NULL, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  CHECK(read(ends[0], &orphan, sizeof orphan) == sizeof orphan);
  kill(owner, SIGKILL);
  int status;
  CHECK(waitpid(owner, &status, 0) == owner);
  CHECK(kill(orphan, 0) == 0);
  spate_store *store;
  spate_queue *queue;
  spate_entry entry = {"mine", 4, NULL, 0, NULL, 0, 0};
  spate_error failure = SPATE_ERROR_INIT;
  int code = spate_store_open(at, NULL, &store, &failure);
  if (code != 0) kill(orphan, SIGKILL);
  CHECK(code == 0);
  code = spate_queue_open(store, "q", NULL, &queue, &failure);
  if (code == 0) code = spate_append_wait(queue, &entry, SPATE_DURABLE, 10000000000, NULL, &failure);
  kill(orphan, SIGKILL);
  CHECK(code == 0);
  WORKS(spate_store_close(store, &failure));
  WORKS(spate_queue_close(queue, &failure));
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "own") == 0) return own(argv[2]);
  const char *path = scratch(argc, argv);
  char at[600];
  snprintf(at, sizeof at, "%s/store", path);
  forkBesideProducers(at);
  outliveTheOwner(argv[0], at);
  removeTree(path);
  puts("fork: children are inert, and hold nothing");
  return 0;
}
