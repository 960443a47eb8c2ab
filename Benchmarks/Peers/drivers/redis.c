/* Redis streams: XADD over a Unix socket, 64 of them pipelined; each producer has a connection of its own.
 *
 * Settings: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/: appendonly yes, with
 * appendfsync always where records must be durable and everysec where not; the orchestrator starts the server so.
 * Pipelining: https://redis.io/docs/latest/develop/using-commands/pipelining/. */
#include "harness.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static const char *address;

static redisReply *checked(redisContext *connection, redisReply *reply) {
  if (!reply) fail("Redis: %s", connection->errstr);
  if (reply->type == REDIS_REPLY_ERROR) fail("Redis: %s", reply->str);
  return reply;
}

static redisContext *connect_to_server(void) {
  redisContext *connection = redisConnectUnix(address);
  if (!connection || connection->err) fail("Redis: no server at %s", address);
  return connection;
}

static void *begin(unsigned producer) {
  (void)producer;
  return connect_to_server();
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  redisContext *connection = producer;
  for (unsigned i = 0; i < count; i++) redisAppendCommand(connection, "XADD log * p %b", records + i * size, size);
  for (unsigned i = 0; i < count; i++) {
    redisReply *reply = NULL;
    if (redisGetReply(connection, (void **)&reply) != REDIS_OK) fail("Redis: %s", connection->errstr);
    freeReplyObject(checked(connection, reply));
  }
}

/* [[identifier, ["p", payload]], …]; remembers the last identifier. False when the reader has enough. */
static bool take_entries(const redisReply *entries, struct reader *reader, char last[64]) {
  for (size_t i = 0; i < entries->elements; i++) {
    const redisReply *entry = entries->element[i], *payload = entry->element[1]->element[1];
    snprintf(last, 64, "%s", entry->element[0]->str);
    if (!reader_take(reader, payload->str, (size_t)payload->len)) return false;
  }
  return true;
}

static void read_all(struct reader *reader) {
  redisContext *connection = connect_to_server();
  char last[64] = "0-0";
  bool wants_more = true;
  while (wants_more) {
    redisReply *entries = checked(connection, redisCommand(connection, "XRANGE log (%s + COUNT 1000", last));
    wants_more = take_entries(entries, reader, last) && entries->elements;
    freeReplyObject(entries);
  }
  redisFree(connection);
}

static void follow(struct reader *reader) {
  redisContext *connection = connect_to_server();
  char last[64] = "0-0";
  bool wants_more = true;
  while (wants_more) {
    redisReply *streams =
        checked(connection, redisCommand(connection, "XREAD COUNT 1000 BLOCK 0 STREAMS log %s", last));
    wants_more = take_entries(streams->element[0]->element[1], reader, last);
    freeReplyObject(streams);
  }
  redisFree(connection);
}

/* The server may still be starting or loading. */
static uint64_t count(void) {
  while (true) {
    redisContext *connection = redisConnectUnix(address);
    redisReply *reply = connection && !connection->err ? redisCommand(connection, "XLEN log") : NULL;
    if (reply && reply->type == REDIS_REPLY_INTEGER) return (uint64_t)reply->integer;
    if (reply) freeReplyObject(reply);
    if (connection) redisFree(connection);
    sleep_until_ns(now_ns() + 1000000);
  }
}

static void open_client(const struct settings *settings) { address = settings->address; }

int main(int argc, char **argv) {
  const struct peer peer = {.name = "Redis streams", .window = "pipelined", .checks = "nothing",
                            .open = open_client, .begin = begin, .append = append,
                            .read = read_all, .follow = follow, .count = count};
  return harness_main(argc, argv, &peer);
}
