/* NATS JetStream: one stream in files, one replica; published synchronously, or 64 at a time asynchronously.
 *
 * Settings: https://docs.nats.io/nats-concepts/jetstream#syncing-data-to-disk: sync_interval: always where
 * records must be durable, the default (2 minutes) where not; the orchestrator starts the server so. Client:
 * https://nats-io.github.io/nats.c/group__js_pub_group.html, and ordered consumers for reading. */
#include "harness.h"
#include <nats/nats.h>
#include <stdio.h>

static const char *address;
static bool paced;

struct client {
  natsConnection *connection;
  jsCtx *context;
};

static void check(natsStatus status) {
  if (status != NATS_OK) fail("NATS: %s (%s)", natsStatus_GetText(status), nats_GetLastError(NULL));
}

static struct client connect_to_server(void) {
  struct client client;
  natsOptions *options;
  check(natsOptions_Create(&options));
  check(natsOptions_SetURL(options, address));
  check(natsConnection_Connect(&client.connection, options));
  natsOptions_Destroy(options);
  jsOptions stream_options;
  check(jsOptions_Init(&stream_options));
  check(natsConnection_JetStream(&client.context, client.connection, &stream_options));
  return client;
}

static void open_client(const struct settings *settings) {
  address = settings->address;
  paced = strcmp(settings->work, "deliver") == 0;
  if (strcmp(settings->work, "open") == 0) return;
  struct client client = connect_to_server();
  jsStreamConfig config;
  check(jsStreamConfig_Init(&config));
  config.Name = "LOG";
  config.Subjects = (const char *[]){"log"};
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  config.Replicas = 1;
  check(js_AddStream(NULL, client.context, &config, NULL, NULL));
}

static void *begin(unsigned producer) {
  static struct client clients[64];
  clients[producer] = connect_to_server();
  return &clients[producer];
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  struct client *client = producer;
  if (paced) {
    /* A producer with a pace of its own does not wait for the answer to each message. */
    check(js_PublishAsync(client->context, "log", records, (int)size, NULL));
    return;
  }
  if (count == 1) {
    check(js_Publish(NULL, client->context, "log", records, (int)size, NULL, NULL));
    return;
  }
  for (unsigned i = 0; i < count; i++)
    check(js_PublishAsync(client->context, "log", records + i * size, (int)size, NULL));
  check(js_PublishAsyncComplete(client->context, NULL));
}

static void read_all(struct reader *reader) {
  struct client client = connect_to_server();
  jsSubOptions options;
  check(jsSubOptions_Init(&options));
  options.Ordered = true;
  natsSubscription *subscription;
  check(js_SubscribeSync(&subscription, client.context, "log", NULL, &options, NULL));
  bool wants_more = true;
  while (wants_more) {
    natsMsg *message;
    check(natsSubscription_NextMsg(&message, subscription, 30000));
    wants_more = reader_take(reader, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    natsMsg_Destroy(message);
  }
  natsSubscription_Destroy(subscription);
  jsCtx_Destroy(client.context);
  natsConnection_Destroy(client.connection);
}

/* The server may still be starting or recovering. */
static uint64_t count(void) {
  while (true) {
    natsConnection *connection = NULL;
    jsCtx *context = NULL;
    jsStreamInfo *information = NULL;
    jsErrCode code;
    jsOptions options;
    check(jsOptions_Init(&options));
    if (natsConnection_ConnectTo(&connection, address) == NATS_OK &&
        natsConnection_JetStream(&context, connection, &options) == NATS_OK &&
        js_GetStreamInfo(&information, context, "LOG", NULL, &code) == NATS_OK)
      return information->State.Msgs;
    jsCtx_Destroy(context);
    natsConnection_Destroy(connection);
    sleep_until_ns(now_ns() + 1000000);
  }
}

int main(int argc, char **argv) {
  const struct peer peer = {.name = "NATS JetStream", .window = "pipelined", .checks = "message hashes",
                            .open = open_client, .begin = begin, .append = append,
                            .read = read_all, .follow = read_all, .count = count};
  return harness_main(argc, argv, &peer);
}
