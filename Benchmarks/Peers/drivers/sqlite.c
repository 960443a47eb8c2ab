/* SQLite: a table of blobs by integer key, in a write-ahead log.
 *
 * Settings: https://www.sqlite.org/pragma.html#pragma_synchronous: FULL syncs the log at each commit; OFF hands the
 * data to the operating system, which keeps it through a crash of the process. https://www.sqlite.org/wal.html: one
 * writer at a time; a mutex around one connection serves eight producers better than eight connections that find it
 * busy and sleep. */
#include "harness.h"
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>

static char path[4096];
static sqlite3 *writing;
static sqlite3_stmt *begin_statement, *insert_statement, *commit_statement;
static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;

static void check(sqlite3 *connection, int result) {
  if (result != SQLITE_OK && result != SQLITE_DONE) fail("SQLite: %s", sqlite3_errmsg(connection));
}

static sqlite3_stmt *prepare(sqlite3 *connection, const char *text) {
  sqlite3_stmt *statement;
  check(connection, sqlite3_prepare_v2(connection, text, -1, &statement, NULL));
  return statement;
}

static void step(sqlite3_stmt *statement) {
  check(writing, sqlite3_step(statement));
  check(writing, sqlite3_reset(statement));
}

static void execute(const char *text) { check(writing, sqlite3_exec(writing, text, NULL, NULL, NULL)); }

static sqlite3 *connect_to(const char *file) {
  sqlite3 *connection;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  check(connection, sqlite3_open_v2(file, &connection, flags, NULL));
  sqlite3_busy_timeout(connection, 10000);
  return connection;
}

static void open_database(const struct settings *settings) {
  snprintf(path, sizeof path, "%s/log.sqlite", settings->directory);
  writing = connect_to(path);
  execute("PRAGMA journal_mode=WAL");
  bool is_durable = settings->level == LEVEL_DURABLE;
  execute(is_durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
  execute("CREATE TABLE IF NOT EXISTS log (sequence INTEGER PRIMARY KEY, payload BLOB)");
  begin_statement = prepare(writing, "BEGIN IMMEDIATE");
  insert_statement = prepare(writing, "INSERT INTO log (payload) VALUES (?)");
  commit_statement = prepare(writing, "COMMIT");
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  (void)producer;
  pthread_mutex_lock(&writer);
  if (count > 1) step(begin_statement);
  for (unsigned i = 0; i < count; i++) {
    check(writing, sqlite3_bind_blob(insert_statement, 1, records + i * size, (int)size, SQLITE_STATIC));
    step(insert_statement);
  }
  if (count > 1) step(commit_statement);
  pthread_mutex_unlock(&writer);
}

/* Takes what there is behind `*last`; false when the reader has enough. */
static bool take_available(sqlite3_stmt *select, struct reader *reader, int64_t *last) {
  sqlite3_bind_int64(select, 1, *last);
  bool wants_more = true;
  int result = SQLITE_ROW;
  while (wants_more && (result = sqlite3_step(select)) == SQLITE_ROW) {
    *last = sqlite3_column_int64(select, 0);
    const void *payload = sqlite3_column_blob(select, 1);
    wants_more = reader_take(reader, payload, (size_t)sqlite3_column_bytes(select, 1));
  }
  if (result != SQLITE_ROW && result != SQLITE_DONE) fail("SQLite: %s", sqlite3_errmsg(sqlite3_db_handle(select)));
  sqlite3_reset(select);
  return wants_more;
}

static const char SELECT[] = "SELECT sequence, payload FROM log WHERE sequence > ? ORDER BY sequence";

static void read_all(struct reader *reader) {
  sqlite3 *connection = connect_to(path);
  sqlite3_stmt *select = prepare(connection, SELECT);
  int64_t last = 0;
  take_available(select, reader, &last);
  sqlite3_finalize(select);
  sqlite3_close(connection);
}

/* SQLite tells another connection nothing of new data: a reader looks again. */
static void follow(struct reader *reader) {
  sqlite3_stmt *select = prepare(connect_to(path), SELECT);
  int64_t last = 0;
  while (take_available(select, reader, &last)) sched_yield();
}

static uint64_t count(void) {
  sqlite3_stmt *last = prepare(writing, "SELECT sequence, payload FROM log ORDER BY sequence DESC LIMIT 1");
  return sqlite3_step(last) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(last, 0) : 0;
}

int main(int argc, char **argv) {
  const struct peer peer = {.name = "SQLite", .window = "transaction", .checks = "nothing",
                            .open = open_database, .append = append, .read = read_all,
                            .follow = follow, .count = count};
  return harness_main(argc, argv, &peer);
}
