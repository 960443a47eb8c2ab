/*
 * spate.h - the C interface of Spate, an embedded, durable queue engine.
 *
 * Conventions
 *
 *   Results     Functions return 0, a positive outcome (SPATE_ALREADY, SPATE_GAP, SPATE_END) where that is said, or a
 *               negative SPATE_E... code. The codes are those of the Swift interface, negated. Nothing is printed,
 *               and nothing ends the process.
 *   Errors      The last parameter may point to a spate_error that is filled in when a negative code is returned, and
 *               left alone otherwise. There is no per-thread state: callers may change threads between calls.
 *   Handles     spate_store, spate_queue, spate_cursor, spate_batch, spate_transaction and spate_ranges are tokens,
 *               not addresses: never look inside. NULL, garbage and tokens of another kind give SPATE_EINVAL; what
 *               was closed gives SPATE_ECLOSED, also after its place was given to something else.
 *   Ownership   What is passed in is copied before a call returns. What a function lends stays readable until the
 *               release that is named there. Everything that is opened is closed by its own close function.
 *   Threads     Stores, queues, batches and ranges: any thread, several at once. Cursors and transactions: one thread
 *               at a time; who overlaps gets SPATE_EBUSY where that can be told. No call on a handle may overlap with
 *               the call that closes the same handle, but for spate_store_close.
 *   Blocking    Every function says whether it may wait. Timeouts are nanoseconds: 0 never waits, negative waits
 *               without limit.
 *   Strings     UTF-8, ending with a zero byte.
 *   Times       Nanoseconds since 1970.
 *   Structs     Those with a `size` field first are filled with sizeof by the caller, who zeroes the rest: later
 *               versions add fields at the end, and zero always means the default. A larger struct than this library
 *               knows is taken if what it does not know is zero.
 *   Fork        The child of a fork may call spate_atfork_child, and nothing else of this interface before that.
 *
 * The promise: within one soname (libspate.so.0) no function, constant, struct field or struct size that is declared
 * here goes or changes its meaning; functions, constants, outcomes and codes may be added, and structs with a `size`
 * field may grow. Programs that were built with an older spate.h go on working with a newer libspate.so.0. The C
 * interface, the Swift interface and the file format have version numbers of their own.
 */
#ifndef SPATE_H
#define SPATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header: major in the high 16 bits, minor in the middle 8, patch in the low 8. */
#define SPATE_VERSION_MAJOR 0
#define SPATE_VERSION_MINOR 1
#define SPATE_VERSION_PATCH 0
#define SPATE_VERSION 0x000100

/* The version of the library that is loaded, in the form of SPATE_VERSION. Any thread. */
uint32_t spate_version(void);

typedef struct spate_store spate_store;
typedef struct spate_queue spate_queue;
typedef struct spate_cursor spate_cursor;
typedef struct spate_batch spate_batch;
typedef struct spate_transaction spate_transaction;
typedef struct spate_ranges spate_ranges;

/* ------------------------------------------------------------------ results */

enum {
  SPATE_OK = 0,
  SPATE_ALREADY = 1, /* the log holds a record at that sequence already */
  SPATE_GAP = 2,     /* records before that sequence are missing */
  SPATE_END = 3,     /* nothing to read now, or none came in time */

  SPATE_EINVAL = -1,        /* an argument is out of range or malformed; nothing was done */
  SPATE_ENOTFOUND = -2,     /* there is no such store, queue, cursor, record or value */
  SPATE_EKIND = -3,         /* the path is not what was expected */
  SPATE_EPERM = -4,         /* a permission is missing, or the file system is read-only */
  SPATE_ELOCKED = -5,       /* another owner has the store open */
  SPATE_EFORMAT = -6,       /* written by a newer format */
  SPATE_ECORRUPT = -7,      /* bytes on the medium do not match their checksums */
  SPATE_EFULL = -8,         /* the disk or a quota is full; appending resumes by itself once there is room */
  SPATE_EIO = -9,           /* reading or writing failed */
  SPATE_ESYNC = -10,        /* a sync failed: records that were not acknowledged are in doubt */
  SPATE_EFAILED = -11,      /* the queue failed earlier; open the store again */
  SPATE_ECLOSED = -12,      /* the store, queue or handle was closed */
  SPATE_ETIMEDOUT = -13,    /* the time is over; an append that carries a sequence is in doubt */
  SPATE_ECANCELLED = -14,   /* not given by this interface; kept for its number */
  SPATE_E2BIG = -15,        /* a record, key or batch is larger than the store takes */
  SPATE_EEXPIRED = -16,     /* the claim passed its deadline and was given up */
  SPATE_EREADONLY = -17,    /* the store was opened read-only */
  SPATE_ERESOURCES = -18,   /* too many files, too little memory, or another limit */
  SPATE_EUNSUPPORTED = -19, /* the kernel, container or file system lacks something */
  SPATE_EFENCED = -20,      /* a handle of an older fencing epoch: somebody newer owns the log; nothing was appended */
  SPATE_ERANGE = -21,       /* the place is beyond the end of the log, or was trimmed */
  SPATE_EBUSY = -22,        /* views, batches, claims or ranges are out, or another thread is in the call */
  SPATE_EAGAIN = -23,       /* no room in the memory budget; nothing was appended */
  SPATE_EMISMATCH = -24,    /* an expected sequence does not fit */
  SPATE_EINUSE = -25        /* the named cursor has a holder already */
};

/* The name of a code or outcome, for example "SPATE_EAGAIN"; "SPATE_E?" for one that this library does not know.
 * A constant. Any thread. */
const char *spate_code_name(int code);

/* Bits of spate_error.known: which of the fields say something. */
enum { SPATE_ERROR_HAS_SEQUENCE = 1, SPATE_ERROR_HAS_POSITION = 2 };

/* What went wrong. Zero it but for `size`. */
typedef struct spate_error {
  size_t size;          /* sizeof(spate_error) */
  int32_t code;         /* what the function returned */
  int32_t system_error; /* the errno behind it, or 0 */
  uint32_t known;       /* SPATE_ERROR_HAS_... */
  uint32_t reserved;
  uint64_t sequence;    /* the sequence concerned; of an append whose wait failed: the record that is in doubt */
  uint64_t position;    /* the log position concerned, in bytes */
  char message[472];    /* what is wrong and what to do; cut off if it is longer */
} spate_error;
#define SPATE_ERROR_INIT {sizeof(spate_error), 0, 0, 0, 0, 0, 0, {0}}

/* --------------------------------------------------------------------- stores */

/* spate_store_options.flags */
enum {
  SPATE_STORE_MUST_EXIST = 1,   /* give SPATE_ENOTFOUND instead of making a store */
  SPATE_STORE_BUFFERED = 2,     /* write through the page cache */
  SPATE_STORE_PLAIN_CALLS = 4   /* do not use io_uring */
};

/* How a store is opened; zero means the default. */
typedef struct spate_store_options {
  size_t size;                     /* sizeof(spate_store_options) */
  uint64_t flags;                  /* SPATE_STORE_... */
  uint64_t memory_budget;          /* bytes for the rings of all queues, at least 4 MiB; default 64 MiB */
  uint64_t quota;                  /* bytes of segment files of all queues; default no bound */
  uint64_t minimal_segment;        /* bytes of the smallest segment file, a power of two; default 64 KiB */
  uint64_t maximal_segment;        /* bytes of the largest segment file, a power of two; default 256 MiB */
  uint64_t maximal_claim;          /* bytes of the largest record or batch; default 32 MiB */
  uint64_t claim_deadline_ns;      /* how long a claim may be held; default 1 s */
} spate_store_options;
#define SPATE_STORE_OPTIONS_INIT {sizeof(spate_store_options), 0, 0, 0, 0, 0, 0, 0}

/* What a store has done since it was opened. */
typedef struct spate_store_statistics {
  size_t size; /* sizeof(spate_store_statistics) */
  uint64_t syncs;
  uint64_t light_commits;
  uint64_t writes;
  uint64_t written_bytes;
  uint64_t memory_budget_bytes;
  uint64_t memory_bytes;
  uint64_t peak_memory_bytes;
  uint64_t segment_bytes;
  uint64_t open_queues;
  uint64_t lent; /* batches, views, claims and ranges of this interface that are out now */
} spate_store_statistics;

/* Opens the store at `path`, or makes it, and takes its lock. `options` may be NULL. Blocks on the disk.
 * Errors: SPATE_ELOCKED, SPATE_EKIND, SPATE_EPERM, SPATE_EFORMAT, SPATE_EINVAL, SPATE_ENOTFOUND, SPATE_EIO... */
int spate_store_open(const char *path, const spate_store_options *options, spate_store **store, spate_error *error);

/* Closes the store: refuses appends, makes everything that was published durable, and gives the lock back. Blocks, on a
 * full disk until there is room. Queues and cursors of the store give SPATE_ECLOSED from then on and still want their
 * own close; the store's handle is gone whatever is returned, but for SPATE_EBUSY.
 * May overlap with calls on the store's queues and cursors: they end with SPATE_ECLOSED.
 * Errors: SPATE_EBUSY while batches, views, claims or ranges are out: nothing was done; else what kept published
 * records from becoming durable. */
int spate_store_close(spate_store *store, spate_error *error);

/* Fills in what the store has done. Never blocks. */
int spate_store_statistics_get(spate_store *store, spate_store_statistics *statistics, spate_error *error);

/* Calls `each` with the name of every queue that the store holds, in order; stops when it returns other than 0, and
 * returns that. Blocks on the disk. `each` may call this interface. */
int spate_store_queues(
  spate_store *store, int (*each)(void *context, const char *name), void *context, spate_error *error);

/* Removes a queue with all its records and cursors, durably, as a whole. Open handles of it give SPATE_ECLOSED.
 * Blocks. Errors: SPATE_ENOTFOUND, SPATE_EBUSY while claims of it are out. */
int spate_store_drop(spate_store *store, const char *name, spate_error *error);

/* ---- event loops */

/* A queue that moved on. */
typedef struct spate_advance {
  spate_queue *queue;        /* the open handle of the queue, of its newest fencing epoch; it stays the caller's */
  void *tag;                 /* what spate_queue_options.tag said */
  uint64_t durable_sequence; /* the sequence after its last durable record */
  int32_t status;            /* 0, or the code of what keeps it from becoming durable any further */
  uint32_t reserved;
} spate_advance;

/* Gives an eventfd that becomes readable when a queue of the store became durable further, was truncated, or failed:
 * once a commit, not once a record. Wait for it with poll, epoll or io_uring; do not read or close it. It lasts
 * until the store is closed. What happened before the first call is not told: call it first, then look at the queues. */
int spate_store_event_fd(spate_store *store, int *descriptor, spate_error *error);

/* Takes up to `capacity` queues that moved on since they were taken last, each once. Never blocks; any thread. The
 * descriptor stays readable while there are more: with edge-triggered waiting call this until *count < capacity.
 * Queues without an open handle are passed over. */
int spate_store_advances(
  spate_store *store, spate_advance *advances, size_t capacity, size_t *count, spate_error *error);

/* --------------------------------------------------------------------- queues */

/* spate_queue_options.flags */
enum {
  SPATE_QUEUE_MUST_EXIST = 1,           /* give SPATE_ENOTFOUND instead of making a queue */
  SPATE_QUEUE_EVICT_UNACKNOWLEDGED = 2  /* the maxima give up what named cursors have not acknowledged, too */
};

/* How a queue is opened or made; zero means the default. */
typedef struct spate_queue_options {
  size_t size;               /* sizeof(spate_queue_options) */
  uint64_t flags;            /* SPATE_QUEUE_... */
  void *tag;                 /* given back by spate_store_advances; the last open decides */
  uint64_t base_sequence;    /* the first sequence of a new queue */
  uint64_t quota;            /* bytes of segment files; default no bound */
  uint64_t sync_interval_ns; /* how long records may stay written without a sync nobody waits for; default none */
  uint64_t minimal_bytes;    /* kept although all named cursors have acknowledged it */
  uint64_t minimal_age_ns;
  uint64_t maximal_bytes;    /* kept at most; default no bound */
  uint64_t maximal_age_ns;
} spate_queue_options;
#define SPATE_QUEUE_OPTIONS_INIT {sizeof(spate_queue_options), 0, NULL, 0, 0, 0, 0, 0, 0, 0}

/* What a queue has done since it was opened, and where it stands. */
typedef struct spate_queue_statistics {
  size_t size; /* sizeof(spate_queue_statistics) */
  uint64_t first_sequence;   /* of the oldest record that is kept */
  uint64_t written_sequence; /* after the last record that the kernel has */
  uint64_t durable_sequence; /* after the last record that is durable */
  uint64_t durable_position;
  uint64_t epoch;
  uint64_t appended;
  uint64_t commits;
  uint64_t largest_commit;
  uint64_t back_pressured;
  uint64_t back_pressure_ns;
  uint64_t dropped;
  uint64_t expired_claims;
  uint64_t evicted;
  uint64_t ring_bytes;
  uint64_t segment_bytes;
  uint64_t cursors;
  uint64_t named_cursors;
  uint64_t largest_lag;
} spate_queue_statistics;

/* Opens the queue with a name, recovering it, or makes it. A name has 1 to 200 bytes, no '/', and does not begin with a
 * dot. Opening it again gives the same handle, which then wants one close more, unless a newer fencing epoch came into
 * force: then one of its own. Blocks on the disk the first time. */
int spate_queue_open(
  spate_store *store, const char *name, const spate_queue_options *options, spate_queue **queue, spate_error *error);

/* Gives the handle back. The queue itself stays open with its store. Errors: SPATE_EBUSY while claims of it, or ranges, or
 * records that spate_queue_read lent, are out. */
int spate_queue_close(spate_queue *queue, spate_error *error);

/* Fills in what the queue has done. Never blocks. */
int spate_queue_statistics_get(spate_queue *queue, spate_queue_statistics *statistics, spate_error *error);

/* The sequence after the last durable record. Never blocks; some nanoseconds. */
int spate_queue_durable(spate_queue *queue, uint64_t *sequence, spate_error *error);

/* ------------------------------------------------------------------ appending */

/* How far a record is: in the ring; handed to the kernel; on the medium. 0 is the strongest, the default. */
enum { SPATE_DURABLE = 0, SPATE_WRITTEN = 1, SPATE_PUBLISHED = 2 };

/* A record to be appended. */
typedef struct spate_entry {
  const void *payload;
  size_t payload_size;
  const void *key; /* up to 65,535 bytes */
  size_t key_size;
  const void *headers;
  size_t headers_size;
  uint64_t timestamp; /* 0 takes the time of the append */
} spate_entry;

/* Appends one record, as far as `published`. Never blocks. `sequence` may be NULL. Copies the bytes; allocates nothing.
 * Errors: SPATE_EAGAIN without room in the memory budget, also when a new queue's first segment is not ready yet;
 * SPATE_EFULL, SPATE_E2BIG, SPATE_ECLOSED, SPATE_EFAILED. Nothing was appended then. */
int spate_append(
  spate_queue *queue, const void *payload, size_t payload_size, uint64_t *sequence, spate_error *error);

/* Appends one record with key, headers and time, as far as `published`. As spate_append. */
int spate_append_entry(spate_queue *queue, const spate_entry *entry, uint64_t *sequence, spate_error *error);

/* Appends one record and returns once it is at `level`. Waits for room and for the level until the timeout. Errors:
 * SPATE_EAGAIN or SPATE_EFULL when there was no room in time: nothing was appended. With SPATE_ERROR_HAS_SEQUENCE, as
 * SPATE_ETIMEDOUT and SPATE_ESYNC have it, the record is in doubt: the log decides. */
int spate_append_wait(
  spate_queue *queue, const spate_entry *entry, int level, int64_t timeout_ns, uint64_t *sequence,
  spate_error *error);

/* Appends `count` payloads atomically: after a crash all of them are there, or none. As spate_append_wait; with
 * SPATE_PUBLISHED and a timeout of 0 it never blocks. *first is the sequence of the first one; the others follow.
 * Allocates nothing once the queue has taken a batch as large before, up to 4 MiB. Errors: SPATE_EINVAL for an empty
 * batch; SPATE_E2BIG for one above the store's maximal_claim. */
int spate_append_batch(
  spate_queue *queue, const struct iovec *payloads, size_t count, int level, int64_t timeout_ns, uint64_t *first,
  spate_error *error);

/* As spate_append_batch, for payloads that stand one behind the other in `bytes`, the lengths in `sizes`: for languages
 * whose memory moves. `bytes_size` must be their sum. */
int spate_append_packed(
  spate_queue *queue, const void *bytes, size_t bytes_size, const uint64_t *sizes, size_t count, int level,
  int64_t timeout_ns, uint64_t *first, spate_error *error);

/* As spate_append_batch, with keys, headers and times. */
int spate_append_entries(
  spate_queue *queue, const spate_entry *entries, size_t count, int level, int64_t timeout_ns, uint64_t *first,
  spate_error *error);

/* Appends a record only if it gets exactly `sequence`: for brokers that replicate. Returns SPATE_OK, or SPATE_ALREADY
 * or SPATE_GAP with the sequence that would be appended next in *next (may be NULL); nothing was appended then. The check
 * and the append are one step. At SPATE_PUBLISHED it never blocks; else as spate_append_wait. */
int spate_append_at(
  spate_queue *queue, uint64_t sequence, const spate_entry *entry, int level, int64_t timeout_ns, uint64_t *next,
  spate_error *error);

/* Puts a fencing epoch in force, durably, and gives the handle whose appends carry it: for brokers that change their
 * leader. A handle carries the epoch that was in force when it was opened. Through those of older epochs appends, claims,
 * transactions and truncations give SPATE_EFENCED from then on and leave nothing in the log; their other calls go on.
 * When this returns all records that came before are durable, and none of an older epoch comes behind. Reopening, trimming
 * and truncating keep the epoch. Asking for the epoch in force gives its handle: two leaders must not have the same one.
 * *fenced wants a close of its own. Blocks; a claim that was open before is waited for. Errors: SPATE_EFENCED for an epoch
 * below the one in force; SPATE_EAGAIN, SPATE_EFULL, SPATE_EBUSY (beside a truncation), SPATE_ETIMEDOUT...: older epochs are
 * refused from now on all the same, until the store is closed; call it again. */
int spate_queue_fence(
  spate_queue *queue, uint64_t epoch, int64_t timeout_ns, spate_queue **fenced, spate_error *error);

/* The fencing epoch in force; 0 while none was ever set. Never blocks. */
int spate_queue_fencing_epoch(spate_queue *queue, uint64_t *epoch, spate_error *error);

/* Waits until the record with `sequence` is at `level`. Errors: SPATE_ETIMEDOUT; what failed the queue. */
int spate_wait(spate_queue *queue, uint64_t sequence, int level, int64_t timeout_ns, spate_error *error);

/* ---- records that are filled in place */

/* A reserved place in the ring. Made by spate_claim_begin in memory of the caller's; not to be copied. */
typedef struct spate_claim {
  void *bytes;       /* to be filled; zero at first */
  size_t size;       /* how many bytes it has */
  uint64_t sequence; /* of the record */
  uint64_t opaque[13];
} spate_claim;

/* Reserves `size` bytes for one record. Waits for room until the timeout. Between this and its end take no lock and do no
 * I/O: a claim holds back every later record of its queue. One that is held longer than the store's claim_deadline_ns is
 * given up by the engine; its bytes stay harmless to write until it is ended. Every claim is ended by spate_claim_publish
 * or spate_claim_abandon, on any thread. Allocates nothing. */
int spate_claim_begin(spate_queue *queue, size_t size, int64_t timeout_ns, spate_claim *claim, spate_error *error);

/* Publishes the record and returns once it is at `level`. The claim is over whatever is returned. Errors:
 * SPATE_EEXPIRED; SPATE_EINVAL for a claim that is over; as spate_wait. */
int spate_claim_publish(spate_claim *claim, int level, int64_t timeout_ns, spate_error *error);

/* Gives the record up: its sequence stays a place that cursors pass over. Errors: SPATE_EINVAL for a claim that is over. */
int spate_claim_abandon(spate_claim *claim, spate_error *error);

/* -------------------------------------------------------------------- reading */

/* A record that is lent: views of its bytes where they are. */
typedef struct spate_record {
  const void *payload;
  size_t payload_size;
  const void *key; /* not NULL, also when it is empty */
  const void *headers;
  uint32_t key_size;
  uint32_t headers_size;
  uint64_t sequence;
  uint64_t timestamp;
} spate_record;

/* Where a cursor begins. */
enum {
  SPATE_EARLIEST = 0, /* at the oldest record that is kept */
  SPATE_LATEST = 1,   /* behind the last record that may be seen now */
  SPATE_SEQUENCE = 2, /* at the record with a sequence */
  SPATE_TIME = 3      /* at the first record that is not older than a time */
};

/* spate_cursor_options.flags */
enum { SPATE_CURSOR_MUST_EXIST = 1 /* give SPATE_ENOTFOUND instead of making a named cursor */ };

/* How a cursor is opened; zero means the default. */
typedef struct spate_cursor_options {
  size_t size;           /* sizeof(spate_cursor_options) */
  uint64_t flags;        /* SPATE_CURSOR_... */
  const char *name;      /* NULL for a cursor whose place ends with it */
  int32_t start;         /* SPATE_EARLIEST...; a named cursor that exists goes on where it was */
  int32_t level;         /* what must be so of a record before it is seen; default SPATE_DURABLE */
  uint64_t start_value;  /* of SPATE_SEQUENCE and SPATE_TIME */
  uint64_t batch_limit;  /* how many batches of the cursor may be out; default 4 */
} spate_cursor_options;
#define SPATE_CURSOR_OPTIONS_INIT {sizeof(spate_cursor_options), 0, NULL, 0, 0, 0, 0}

/* Where a cursor stands, and how far it is behind. */
typedef struct spate_cursor_state {
  size_t size;                    /* sizeof(spate_cursor_state) */
  uint64_t sequence;              /* to be read next */
  uint64_t unread;                /* records that may be seen and were not read */
  uint64_t acknowledged_sequence; /* everything below is acknowledged; named cursors only, like what follows */
  uint64_t lag_records;           /* durable and not acknowledged */
  uint64_t lag_bytes;
  uint64_t lag_ns;                /* the age of the oldest of them */
  uint64_t evicted_begin;         /* records that were given up before they were acknowledged, up to... */
  uint64_t evicted_end;           /* ...this one; equal when there are none */
} spate_cursor_state;

/* Opens a cursor. `options` may be NULL. Blocks only to make a named one. Errors: SPATE_EINUSE while a named one has
 * another holder; SPATE_ERANGE for a sequence that is not kept; SPATE_ENOTFOUND. */
int spate_cursor_open(
  spate_queue *queue, const spate_cursor_options *options, spate_cursor **cursor, spate_error *error);

/* Closes the cursor; a view that `next` lent ends with it. Errors: SPATE_EBUSY while batches of it are out. */
int spate_cursor_close(spate_cursor *cursor, spate_error *error);

/* Lends the next record, waiting for one until the timeout. The view ends with the next call on the cursor. Returns
 * SPATE_END when there is none. May read the disk. Errors: SPATE_ECORRUPT or SPATE_EIO, once, for records that cannot be
 * read, and the next call goes on behind them; SPATE_ERANGE when the place was trimmed or truncated; SPATE_ECLOSED. */
int spate_cursor_next(spate_cursor *cursor, int64_t timeout_ns, spate_record *record, spate_error *error);

/* Ends the view that spate_cursor_next lent, so that nothing of the cursor is out; the cursor stays where it is. */
int spate_cursor_release(spate_cursor *cursor, spate_error *error);

/* Lends the next records together, up to `maximal_count` of them and about `maximal_bytes` of log (0 for 1024 and 256
 * KiB), waiting for the first until the timeout. Nothing is copied. *records has *count of them; they and the array are
 * lent until spate_batch_release, wherever the cursor goes meanwhile. Returns SPATE_END when there are none: *batch is
 * NULL then. Errors: SPATE_EBUSY when as many batches are out as may be; as spate_cursor_next. */
int spate_cursor_next_batch(
  spate_cursor *cursor, size_t maximal_count, size_t maximal_bytes, int64_t timeout_ns, spate_batch **batch,
  const spate_record **records, size_t *count, spate_error *error);

/* Gives a batch back. Any thread. */
int spate_batch_release(spate_batch *batch, spate_error *error);

/* Acknowledges the records of a batch and all before them, for the named cursor that it came from. Waits until the place
 * is at `level`; with SPATE_PUBLISHED it never blocks: the place is durable with one of the next commits, at the latest
 * after about 100 ms. Any thread. Errors: SPATE_EINVAL for a cursor without a name; SPATE_ERANGE when the records were
 * truncated since; SPATE_ETIMEDOUT. */
int spate_batch_acknowledge(spate_batch *batch, int level, int64_t timeout_ns, spate_error *error);

/* Acknowledges the record with `sequence` and all before it. As spate_batch_acknowledge. */
int spate_cursor_acknowledge(
  spate_cursor *cursor, uint64_t sequence, int level, int64_t timeout_ns, spate_error *error);

/* Reads on at another place; what is acknowledged stays. Errors: SPATE_ERANGE; the cursor stays where it is. */
int spate_cursor_seek(spate_cursor *cursor, int start, uint64_t value, spate_error *error);

/* Moves the durable place of a named cursor and its reading, also backwards. May read the disk. */
int spate_cursor_reset(spate_cursor *cursor, int start, uint64_t value, spate_error *error);

/* Fills in where the cursor stands. May read the disk for a named one. */
int spate_cursor_state_get(spate_cursor *cursor, spate_cursor_state *state, spate_error *error);

/* Removes a named cursor that nobody holds: the queue keeps nothing for it any more. Durable. Blocks. */
int spate_queue_remove_cursor(spate_queue *queue, const char *name, spate_error *error);

/* Calls `each` with the name of every named cursor and the sequence below which it has acknowledged everything. As
 * spate_store_queues; reads no disk. */
int spate_queue_cursors(
  spate_queue *queue, int (*each)(void *context, const char *name, uint64_t acknowledged), void *context,
  spate_error *error);

/* Lends the durable record with `sequence`, until spate_batch_release. May read the disk. Any thread. Errors:
 * SPATE_ENOTFOUND for a sequence that was abandoned; SPATE_ERANGE for one that is not kept, or not durable yet. */
int spate_queue_read(
  spate_queue *queue, uint64_t sequence, spate_batch **batch, const spate_record **record, spate_error *error);

/* --------------------------------------------------------------------- the log */

/* Gives up whole segments that hold no record at or behind `sequence`. Durable. Blocks. */
int spate_trim_before(spate_queue *queue, uint64_t sequence, spate_error *error);

/* Cuts the end of the log off: the record with `sequence` and all behind it are gone, durably, and the next append gets
 * `sequence`. For followers whose log diverged. Blocks; appends meanwhile get SPATE_EBUSY. Errors: SPATE_ERANGE;
 * SPATE_EINVAL inside an atomic batch, with the batch's first sequence in the error. */
int spate_truncate_tail(spate_queue *queue, uint64_t sequence, spate_error *error);

/* A range of a segment file, or of a copy of the log's end in memory, that holds whole frames of durable records, as
 * Format.md describes them: a frame begins with 32 bytes of header, the payload comes next. */
typedef struct spate_range {
  int32_t descriptor; /* open for reading: for sendfile, copy_file_range and pread; not to be closed */
  uint32_t reserved;
  uint64_t offset;
  uint64_t size;
  uint64_t position;       /* of its first byte in the log */
  uint64_t salt;           /* of the stamps of its frames */
  uint64_t first_sequence;
  uint64_t end_sequence;   /* after its last one */
} spate_range;

/* Pins the files that hold the records from `first` up to `end` (UINT64_MAX: up to the durable end of the log), up to
 * `maximal_count` ranges, and lends those until spate_ranges_release. Trimming goes on meanwhile: the disk space comes back
 * with the release. *next (may be NULL) is the sequence to go on at. What lies in the last, unfinished block of the log comes
 * as a range of a file in memory: that block is written again past the page cache, in which a socket may hold what sendfile
 * took of it. Blocks on the disk. Errors: SPATE_ERANGE, SPATE_ERESOURCES. */
int spate_queue_ranges(
  spate_queue *queue, uint64_t first, uint64_t end, size_t maximal_count, spate_ranges **ranges,
  const spate_range **array, size_t *count, uint64_t *next, spate_error *error);

/* Gives ranges and descriptors back. Any thread. */
int spate_ranges_release(spate_ranges *ranges, spate_error *error);

/* ---------------------------------------------------------------- transactions */

/* Begins to collect a transaction: records for one queue, acknowledgements of cursors of any queue of the store, and small
 * values that the queue keeps beside its records. After a crash all of it has happened, or nothing. */
int spate_transaction_begin(spate_queue *destination, spate_transaction **transaction, spate_error *error);

/* Adds a record. Copies the bytes. Never blocks. */
int spate_transaction_append(spate_transaction *transaction, const spate_entry *entry, spate_error *error);

/* Adds the acknowledgement of the record with `sequence` and all before it, for a named cursor. The cursor stays open until
 * the commit. */
int spate_transaction_acknowledge(
  spate_transaction *transaction, spate_cursor *cursor, uint64_t sequence, spate_error *error);

/* Adds a value of the destination's metadata: a broker's epoch, the state of a producer. An empty one removes the name.
 * Names have 1 to 200 bytes, values up to 64 KiB, all of a queue's up to 1 MiB. */
int spate_transaction_set(
  spate_transaction *transaction, const char *name, const void *value, size_t value_size, spate_error *error);

/* Commits everything in one atomic step and returns once it is at `level`; *first is the sequence of the first record.
 * The transaction is empty afterwards and can be used again, unless an error without SPATE_ERROR_HAS_SEQUENCE was given:
 * nothing was committed then, and it is unchanged. Blocks. */
int spate_transaction_commit(
  spate_transaction *transaction, int level, int64_t timeout_ns, uint64_t *first, spate_error *error);

/* Forgets the transaction and what was not committed. */
int spate_transaction_end(spate_transaction *transaction, spate_error *error);

/* Copies a value of the queue's metadata, as it was set last. *size is what it has; with a smaller `capacity` SPATE_E2BIG is
 * given and nothing is copied. Errors: SPATE_ENOTFOUND. Never blocks. */
int spate_queue_metadata(
  spate_queue *queue, const char *name, void *value, size_t capacity, size_t *size, spate_error *error);

/* ------------------------------------------------------------------------ fork */

/* In the child of a fork, once: makes every handle that the parent had inert, and closes the descriptors that the engine
 * had, so that the child holds none of the store's locks. Nothing of the parent's store is touched, neither by this nor
 * by the child's end. From then on every call in the child gives SPATE_ECLOSED: to use Spate, execute a program. */
void spate_atfork_child(void);

#ifdef __cplusplus
}
#endif

#endif
