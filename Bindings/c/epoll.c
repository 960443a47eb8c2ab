/*
 * A producer and a consumer around an event loop: the producer never waits, and the consumer is told once a commit that
 * there is something to read.
 *
 *     cc epoll.c $(pkg-config --cflags --libs spate) -lpthread -o epoll && ./epoll /tmp/example-store
 */
#include <spate.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { COUNT = 100000 };

static void check(int code, const spate_error *error) {
  if (code >= 0) return;
  fprintf(stderr, "%s: %s\n", spate_code_name(code), error->message);
  exit(1);
}

/* Appends a burst. A full ring is not a failure: try again when the committer has made room. */
static void *produce(void *context) {
  spate_queue *queue = context;
  for (int number = 0; number < COUNT; number++) {
    char text[64];
    size_t size = (size_t)snprintf(text, sizeof text, "measurement %d", number);
    spate_error error = SPATE_ERROR_INIT;
    int code;
    while ((code = spate_append(queue, text, size, NULL, &error)) == SPATE_EAGAIN) usleep(100);
    check(code, &error);
  }
  return NULL;
}

/* Reads what there is, in place, and acknowledges it. Returns how many records there were. */
static size_t consume(spate_cursor *cursor) {
  spate_error error = SPATE_ERROR_INIT;
  size_t total = 0;
  for (;;) {
    spate_batch *batch;
    const spate_record *records;
    size_t count;
    int code = spate_cursor_next_batch(cursor, 0, 0, 0, &batch, &records, &count, &error);
    check(code, &error);
    if (code == SPATE_END) return total;
    for (size_t index = 0; index < count; index++) {
      if (records[index].payload_size < 13 || memcmp(records[index].payload, "measurement ", 12) != 0) exit(2);
    }
    /* Never blocks: the place travels with one of the next commits. */
    check(spate_batch_acknowledge(batch, SPATE_PUBLISHED, 0, &error), &error);
    check(spate_batch_release(batch, &error), &error);
    total += count;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: %s STORE\n", argv[0]), 2;
  spate_error error = SPATE_ERROR_INIT;
  spate_store *store;
  spate_queue *queue;
  spate_cursor *cursor;
  check(spate_store_open(argv[1], NULL, &store, &error), &error);
  check(spate_queue_open(store, "measurements", NULL, &queue, &error), &error);
  spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
  options.name = "example";
  options.start = SPATE_LATEST;
  check(spate_cursor_open(queue, &options, &cursor, &error), &error);

  /* First the descriptor, then the producer: nothing is missed. */
  int descriptor, loop = epoll_create1(EPOLL_CLOEXEC);
  check(spate_store_event_fd(store, &descriptor, &error), &error);
  struct epoll_event event = {.events = EPOLLIN};
  if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event) < 0) return perror("epoll"), 1;
  pthread_t producer;
  pthread_create(&producer, NULL, produce, queue);

  size_t total = consume(cursor), wakeUps = 0;
  while (total < COUNT) {
    int ready = epoll_wait(loop, &event, 1, 60000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready != 1) return fprintf(stderr, "no event came after %zu records\n", total), 1;
    wakeUps++;
    spate_advance advances[16];
    size_t count;
    check(spate_store_advances(store, advances, 16, &count, &error), &error);
    for (size_t index = 0; index < count; index++) {
      check(advances[index].status, &error);
      if (advances[index].queue == queue) total += consume(cursor);
    }
  }
  pthread_join(producer, NULL);
  check(spate_cursor_close(cursor, &error), &error);
  check(spate_store_close(store, &error), &error);
  check(spate_queue_close(queue, &error), &error);
  close(loop);
  printf("%zu records with %zu wake-ups\n", total, wakeUps);
  return 0;
}
