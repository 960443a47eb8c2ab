/* LMDB: integer keys, appended (MDB_APPEND), one write transaction for each append or for 64 records.
 *
 * Settings: lmdb.h, "Environment Flags". A commit syncs by default; without sync MDB_NOSYNC, which keeps everything
 * through a crash of the process. MDB_NORDAHEAD and MDB_WRITEMAP are left at their defaults. */
#include "harness.h"
#include <lmdb.h>
#include <sched.h>

static MDB_env *environment;
static MDB_dbi log_table;
static MDB_txn *reading;

static void check(int result) {
  if (result) fail("LMDB: %s", mdb_strerror(result));
}

static void open_environment(const struct settings *settings) {
  check(mdb_env_create(&environment));
  check(mdb_env_set_mapsize(environment, (size_t)64 << 30));
  check(mdb_env_open(environment, settings->directory, settings->level == LEVEL_DURABLE ? 0 : MDB_NOSYNC, 0644));
  MDB_txn *transaction;
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  check(mdb_dbi_open(transaction, NULL, MDB_INTEGERKEY | MDB_CREATE, &log_table));
  check(mdb_txn_commit(transaction));
}

static uint64_t end_of(MDB_txn *transaction) {
  MDB_stat status;
  check(mdb_stat(transaction, log_table, &status));
  return status.ms_entries;
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  (void)producer;
  MDB_txn *transaction;
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  uint64_t sequence = end_of(transaction);
  for (unsigned i = 0; i < count; i++, sequence++) {
    MDB_val key = {sizeof sequence, &sequence}, value = {size, (void *)(records + i * size)};
    check(mdb_put(transaction, log_table, &key, &value, MDB_APPEND));
  }
  check(mdb_txn_commit(transaction));
}

/* Takes what a snapshot of now holds from `*next` on; false when the reader has enough. */
static bool take_available(struct reader *reader, uint64_t *next) {
  if (reading)
    check(mdb_txn_renew(reading));
  else
    check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &reading));
  MDB_cursor *cursor;
  check(mdb_cursor_open(reading, log_table, &cursor));
  MDB_val key = {sizeof *next, next}, value;
  bool wants_more = true;
  int result = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  while (result == 0 && wants_more) {
    wants_more = reader_take(reader, value.mv_data, value.mv_size);
    ++*next;
    result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  if (result && result != MDB_NOTFOUND) check(result);
  mdb_cursor_close(cursor);
  mdb_txn_reset(reading);
  return wants_more;
}

static void read_all(struct reader *reader) {
  uint64_t next = 0;
  take_available(reader, &next);
}

/* LMDB tells nobody of new data: a reader looks again. */
static void follow(struct reader *reader) {
  uint64_t next = 0;
  while (take_available(reader, &next)) sched_yield();
}

static uint64_t count(void) {
  check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &reading));
  uint64_t records = end_of(reading), last = records - 1;
  MDB_val key = {sizeof last, &last}, value;
  if (records) check(mdb_get(reading, log_table, &key, &value));
  return records;
}

int main(int argc, char **argv) {
  const struct peer peer = {.name = "LMDB", .window = "transaction", .checks = "nothing",
                            .open = open_environment, .append = append, .read = read_all,
                            .follow = follow, .count = count};
  return harness_main(argc, argv, &peer);
}
