/* RocksDB: the place in the log is the key, big-endian, so that keys arrive in order.
 *
 * Settings: https://github.com/facebook/rocksdb/wiki/Setup-Options-and-Basic-Tuning ("Other general options"), and for
 * synced writes https://github.com/facebook/rocksdb/wiki/WAL-Performance: WriteOptions.sync, group commit is built in,
 * recycle_log_file_num so that a sync has no file size to write. One write batch for 64 records. */
#include "harness.h"
#include <endian.h>
#include <rocksdb/c.h>
#include <sched.h>
#include <stdatomic.h>

static rocksdb_t *database;
static rocksdb_writeoptions_t *write_options;
static _Atomic uint64_t next_key;

static void check(char *error) {
  if (error) fail("RocksDB: %s", error);
}

static void open_database(const struct settings *settings) {
  rocksdb_options_t *options = rocksdb_options_create();
  rocksdb_options_set_create_if_missing(options, 1);
  rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
  rocksdb_options_set_max_background_jobs(options, 2);
  rocksdb_options_set_bytes_per_sync(options, 1 << 20);
  rocksdb_options_set_recycle_log_file_num(options, 4);
  rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
  rocksdb_block_based_options_set_block_size(table, 16 << 10);
  rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
  rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
  rocksdb_options_set_block_based_table_factory(options, table);
  char *error = NULL;
  database = rocksdb_open(options, settings->directory, &error);
  check(error);
  write_options = rocksdb_writeoptions_create();
  rocksdb_writeoptions_set_sync(write_options, settings->level == LEVEL_DURABLE);
}

static void *begin(unsigned producer) {
  (void)producer;
  return rocksdb_writebatch_create();
}

static void append(void *producer, const uint8_t *records, size_t size, unsigned count) {
  rocksdb_writebatch_t *batch = producer;
  rocksdb_writebatch_clear(batch);
  uint64_t first = atomic_fetch_add_explicit(&next_key, count, memory_order_relaxed);
  for (unsigned i = 0; i < count; i++) {
    uint64_t key = htobe64(first + i);
    rocksdb_writebatch_put(batch, (char *)&key, sizeof key, (const char *)records + i * size, size);
  }
  char *error = NULL;
  rocksdb_write(database, write_options, batch, &error);
  check(error);
}

/* Takes what there is from `*next` on; false when the reader has enough. */
static bool take_available(rocksdb_iterator_t *iterator, struct reader *reader, uint64_t *next) {
  if (!rocksdb_iter_valid(iterator)) {
    uint64_t key = htobe64(*next);
    rocksdb_iter_seek(iterator, (char *)&key, sizeof key);
  }
  for (; rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator), ++*next) {
    size_t size;
    const char *value = rocksdb_iter_value(iterator, &size);
    if (!reader_take(reader, value, size)) return false;
  }
  char *error = NULL;
  rocksdb_iter_get_error(iterator, &error);
  check(error);
  return true;
}

static void read_all(struct reader *reader) {
  rocksdb_readoptions_t *options = rocksdb_readoptions_create();
  rocksdb_iterator_t *iterator = rocksdb_create_iterator(database, options);
  uint64_t next = 0;
  take_available(iterator, reader, &next);
  rocksdb_iter_destroy(iterator);
  rocksdb_readoptions_destroy(options);
}

/* https://github.com/facebook/rocksdb/wiki/Tailing-Iterator: sees what is written after it was made, if asked again. */
static void follow(struct reader *reader) {
  rocksdb_readoptions_t *options = rocksdb_readoptions_create();
  rocksdb_readoptions_set_tailing(options, 1);
  rocksdb_iterator_t *iterator = rocksdb_create_iterator(database, options);
  uint64_t next = 0;
  while (take_available(iterator, reader, &next)) sched_yield();
  rocksdb_iter_destroy(iterator);
}

static uint64_t count(void) {
  rocksdb_readoptions_t *options = rocksdb_readoptions_create();
  rocksdb_iterator_t *iterator = rocksdb_create_iterator(database, options);
  rocksdb_iter_seek_to_last(iterator);
  uint64_t records = 0;
  if (rocksdb_iter_valid(iterator)) {
    size_t size;
    uint64_t key;
    memcpy(&key, rocksdb_iter_key(iterator, &size), sizeof key);
    records = be64toh(key) + 1;
  }
  rocksdb_iter_destroy(iterator);
  return records;
}

static void close_database(void) { rocksdb_close(database); }

int main(int argc, char **argv) {
  const struct peer peer = {.name = "RocksDB", .window = "write batch", .checks = "block checksums",
                            .open = open_database, .begin = begin, .append = append,
                            .read = read_all, .follow = follow, .count = count, .close = close_database};
  return harness_main(argc, argv, &peer);
}
