// spate.hpp - the C interface of Spate as C++17 types that close themselves. Header-only; link with -lspate.
//
// Negative codes are thrown as spate::error; outcomes are values. Threads, lifetimes and errors are those of spate.h, whose
// names the functions have. Handles move and are not copied. Close batches before cursors, cursors before queues, queues
// before the store, as members and local variables do by themselves; what a destructor cannot close stays open.
#ifndef SPATE_HPP
#define SPATE_HPP

#include <spate.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spate {

// What a function threw: a code, and what spate_error says.
class error : public std::runtime_error {
 public:
  explicit error(const spate_error &failure) : std::runtime_error(failure.message), failure_(failure) {}
  int code() const noexcept { return failure_.code; }
  const char *name() const noexcept { return spate_code_name(failure_.code); }
  int system_error() const noexcept { return failure_.system_error; }
  // The sequence concerned; of an append whose wait failed: the record that is in doubt.
  std::optional<std::uint64_t> sequence() const {
    return failure_.known & SPATE_ERROR_HAS_SEQUENCE ? std::optional(failure_.sequence) : std::nullopt;
  }

 private:
  spate_error failure_;
};

enum class level { durable = SPATE_DURABLE, written = SPATE_WRITTEN, published = SPATE_PUBLISHED };

// How long to wait: a duration, no_wait or for_ever.
class timeout {
 public:
  template <class Rep, class Period>
  timeout(std::chrono::duration<Rep, Period> duration)
      : nanoseconds_(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()) {}
  static timeout for_ever() { return timeout(std::chrono::nanoseconds(-1)); }
  static timeout no_wait() { return timeout(std::chrono::nanoseconds(0)); }
  std::int64_t nanoseconds() const { return nanoseconds_; }

 private:
  std::int64_t nanoseconds_;
};

namespace detail {
// Calls a function of spate.h, its last parameter included. Throws negative codes, returns the others.
template <class Function, class... Arguments>
int call(Function function, Arguments... arguments) {
  spate_error failure = SPATE_ERROR_INIT;
  int code = function(arguments..., &failure);
  if (code < 0) throw error(failure);
  return code;
}

// A handle that is given back by `Close`.
template <class Handle, int (*Close)(Handle *, spate_error *)>
class owner {
 public:
  owner() = default;
  explicit owner(Handle *handle) : handle_(handle) {}
  owner(owner &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  owner &operator=(owner &&other) noexcept {
    owner taken(std::move(other));
    std::swap(handle_, taken.handle_);
    return *this;
  }
  ~owner() { if (handle_) Close(handle_, nullptr); }
  // Gives the handle back now, and throws what kept it from that: the handle stays then, if it was busy.
  void close() {
    if (!handle_) return;
    spate_error failure = SPATE_ERROR_INIT;
    int code = Close(handle_, &failure);
    if (code != SPATE_EBUSY) handle_ = nullptr;
    if (code < 0) throw error(failure);
  }
  // For functions of spate.h; stays this object's.
  Handle *get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != nullptr; }

 private:
  Handle *handle_ = nullptr;
};

inline std::string_view view(const void *bytes, std::size_t size) { return {static_cast<const char *>(bytes), size}; }
}  // namespace detail

// A record that is lent.
class record {
 public:
  explicit record(const spate_record &raw) : raw_(raw) {}
  std::string_view payload() const { return detail::view(raw_.payload, raw_.payload_size); }
  std::string_view key() const { return detail::view(raw_.key, raw_.key_size); }
  std::string_view headers() const { return detail::view(raw_.headers, raw_.headers_size); }
  std::uint64_t sequence() const { return raw_.sequence; }
  std::chrono::nanoseconds timestamp() const { return std::chrono::nanoseconds(raw_.timestamp); }

 private:
  spate_record raw_;
};

// A record to be appended; views of bytes of the caller's.
struct entry {
  std::string_view payload, key = {}, headers = {};
  std::uint64_t timestamp = 0;
  spate_entry raw() const {
    return {payload.data(), payload.size(), key.data(), key.size(), headers.data(), headers.size(), timestamp};
  }
};

// Records that are lent together, until this object goes. Any thread.
class batch : public detail::owner<spate_batch, spate_batch_release> {
 public:
  class iterator {
   public:
    explicit iterator(const spate_record *at) : at_(at) {}
    record operator*() const { return record(*at_); }
    iterator &operator++() { return ++at_, *this; }
    bool operator!=(const iterator &other) const { return at_ != other.at_; }

   private:
    const spate_record *at_;
  };
  batch() = default;
  batch(spate_batch *handle, const spate_record *records, std::size_t count)
      : owner(handle), records_(records), count_(count) {}
  std::size_t size() const { return count_; }
  record operator[](std::size_t index) const { return record(records_[index]); }
  iterator begin() const { return iterator(records_); }
  iterator end() const { return iterator(records_ + count_); }
  void acknowledge(level level = level::published, timeout timeout = timeout::for_ever()) {
    detail::call(spate_batch_acknowledge, get(), static_cast<int>(level), timeout.nanoseconds());
  }

 private:
  const spate_record *records_ = nullptr;
  std::size_t count_ = 0;
};

// A consumer's place. One thread at a time.
class cursor : public detail::owner<spate_cursor, spate_cursor_close> {
 public:
  using owner::owner;
  // The next record, good until the next use of the cursor; nothing when none came in time.
  std::optional<record> next(timeout timeout = timeout::no_wait()) {
    spate_record raw;
    if (detail::call(spate_cursor_next, get(), timeout.nanoseconds(), &raw) == SPATE_END) return std::nullopt;
    return record(raw);
  }
  // The next records together; an empty batch when none came in time.
  batch next_batch(timeout timeout = timeout::no_wait(), std::size_t count = 0, std::size_t bytes = 0) {
    spate_batch *handle;
    const spate_record *records;
    std::size_t found;
    int code = detail::call(
        spate_cursor_next_batch, get(), count, bytes, timeout.nanoseconds(), &handle, &records, &found);
    return code == SPATE_END ? batch() : batch(handle, records, found);
  }
  void acknowledge(std::uint64_t sequence, level level = level::published, timeout timeout = timeout::for_ever()) {
    detail::call(spate_cursor_acknowledge, get(), sequence, static_cast<int>(level), timeout.nanoseconds());
  }
  void seek(int start, std::uint64_t value = 0) { detail::call(spate_cursor_seek, get(), start, value); }
};

// A queue of a store. Any thread.
class queue : public detail::owner<spate_queue, spate_queue_close> {
 public:
  using owner::owner;
  // Appends without waiting, as far as published. Nothing when there is no room now.
  std::optional<std::uint64_t> try_append(std::string_view payload) {
    std::uint64_t sequence;
    spate_error failure = SPATE_ERROR_INIT;
    int code = spate_append(get(), payload.data(), payload.size(), &sequence, &failure);
    if (code == SPATE_EAGAIN) return std::nullopt;
    if (code < 0) throw error(failure);
    return sequence;
  }
  // Appends and returns once the record is at the level.
  std::uint64_t append(const entry &entry, level level = level::durable, timeout timeout = timeout::for_ever()) {
    std::uint64_t sequence;
    spate_entry raw = entry.raw();
    detail::call(spate_append_wait, get(), &raw, static_cast<int>(level), timeout.nanoseconds(), &sequence);
    return sequence;
  }
  std::uint64_t append(std::string_view payload, level level = level::durable) { return append(entry{payload}, level); }
  // Appends all of them or none. Returns the sequence of the first.
  std::uint64_t append_batch(
      const std::vector<entry> &entries, level level = level::durable, timeout timeout = timeout::for_ever()) {
    std::vector<spate_entry> raw;
    raw.reserve(entries.size());
    for (const entry &entry : entries) raw.push_back(entry.raw());
    std::uint64_t first;
    detail::call(
        spate_append_entries, get(), raw.data(), raw.size(), static_cast<int>(level), timeout.nanoseconds(), &first);
    return first;
  }
  // SPATE_OK, SPATE_ALREADY or SPATE_GAP.
  int append_at(std::uint64_t sequence, const entry &entry, level level = level::durable) {
    spate_entry raw = entry.raw();
    std::uint64_t *next = nullptr;
    return detail::call(spate_append_at, get(), sequence, &raw, static_cast<int>(level), std::int64_t(-1), next);
  }
  void wait(std::uint64_t sequence, level level = level::durable, timeout timeout = timeout::for_ever()) {
    detail::call(spate_wait, get(), sequence, static_cast<int>(level), timeout.nanoseconds());
  }
  std::uint64_t durable_sequence() const {
    std::uint64_t sequence;
    return detail::call(spate_queue_durable, get(), &sequence), sequence;
  }
  // The handle of a fencing epoch, which is in force from now on.
  queue fence(std::uint64_t epoch, timeout timeout = timeout::for_ever()) {
    spate_queue *handle;
    detail::call(spate_queue_fence, get(), epoch, timeout.nanoseconds(), &handle);
    return queue(handle);
  }
  std::uint64_t fencing_epoch() const {
    std::uint64_t epoch;
    return detail::call(spate_queue_fencing_epoch, get(), &epoch), epoch;
  }
  void trim_before(std::uint64_t sequence) { detail::call(spate_trim_before, get(), sequence); }
  void truncate_tail(std::uint64_t sequence) { detail::call(spate_truncate_tail, get(), sequence); }
  // A cursor without a name, or with one.
  spate::cursor cursor(spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT) {
    spate_cursor *handle;
    detail::call(spate_cursor_open, get(), &options, &handle);
    return spate::cursor(handle);
  }
  spate::cursor cursor(const std::string &name) {
    spate_cursor_options options = SPATE_CURSOR_OPTIONS_INIT;
    options.name = name.c_str();
    return cursor(options);
  }
};

// A transaction of a queue. One thread at a time.
class transaction : public detail::owner<spate_transaction, spate_transaction_end> {
 public:
  explicit transaction(const queue &destination) {
    spate_transaction *handle;
    detail::call(spate_transaction_begin, destination.get(), &handle);
    static_cast<owner &>(*this) = owner(handle);
  }
  void append(const entry &entry) {
    spate_entry raw = entry.raw();
    detail::call(spate_transaction_append, get(), &raw);
  }
  void acknowledge(const cursor &cursor, std::uint64_t sequence) {
    detail::call(spate_transaction_acknowledge, get(), cursor.get(), sequence);
  }
  void set(const std::string &name, std::string_view value) {
    detail::call(spate_transaction_set, get(), name.c_str(), value.data(), value.size());
  }
  std::uint64_t commit(level level = level::durable, timeout timeout = timeout::for_ever()) {
    std::uint64_t first = 0;
    detail::call(spate_transaction_commit, get(), static_cast<int>(level), timeout.nanoseconds(), &first);
    return first;
  }
};

// A store: a directory with one owner. Any thread.
class store : public detail::owner<spate_store, spate_store_close> {
 public:
  explicit store(const std::string &path, spate_store_options options = SPATE_STORE_OPTIONS_INIT) {
    spate_store *handle;
    detail::call(spate_store_open, path.c_str(), &options, &handle);
    static_cast<owner &>(*this) = owner(handle);
  }
  spate::queue queue(const std::string &name, spate_queue_options options = SPATE_QUEUE_OPTIONS_INIT) {
    spate_queue *handle;
    detail::call(spate_queue_open, get(), name.c_str(), &options, &handle);
    return spate::queue(handle);
  }
  void drop(const std::string &name) { detail::call(spate_store_drop, get(), name.c_str()); }
  // The eventfd that becomes readable once a commit, and the queues that moved on since.
  int event_fd() {
    int descriptor;
    return detail::call(spate_store_event_fd, get(), &descriptor), descriptor;
  }
  std::vector<spate_advance> advances(std::size_t capacity = 64) {
    std::vector<spate_advance> found(capacity);
    std::size_t count;
    detail::call(spate_store_advances, get(), found.data(), capacity, &count);
    found.resize(count);
    return found;
  }
};
}  // namespace spate

#endif
