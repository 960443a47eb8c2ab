// The C++ wrapper closes what it opened, throws codes, and moves.
#include <spate.hpp>

#include "check.h"

#include <chrono>

using namespace std::chrono_literals;

template <class Body>
static void throwsCode(int code, Body body) {
  try {
    body();
  } catch (const spate::error &failure) {
    CHECK(failure.code() == code && failure.what()[0] != 0 && std::string(failure.name()) == spate_code_name(code));
    return;
  }
  fprintf(stderr, "nothing was thrown instead of %s\n", spate_code_name(code));
  exit(1);
}

static void use(const std::string &path) {
  spate::store store(path);
  throwsCode(SPATE_ELOCKED, [&] { spate::store second(path); });
  throwsCode(SPATE_EINVAL, [&] { store.queue("../x"); });
  auto queue = store.queue("q");
  CHECK(queue.append("first") == 0);
  while (!queue.try_append("second")) {}
  CHECK(queue.append(spate::entry{"third", "key", "headers", 77}, spate::level::written, 10s) == 2);
  CHECK(queue.append_batch({{"fourth"}, {"fifth"}}) == 3);
  CHECK(queue.append_at(3, {"no"}) == SPATE_ALREADY && queue.append_at(9, {"no"}) == SPATE_GAP);
  queue.wait(4);
  throwsCode(SPATE_ETIMEDOUT, [&] { queue.wait(5, spate::level::durable, 1ms); });
  CHECK(queue.durable_sequence() == 5);

  auto cursor = queue.cursor();
  CHECK(cursor.next()->payload() == "first");
  auto batch = cursor.next_batch();
  CHECK(batch.size() == 4 && batch[1].key() == "key" && batch[1].headers() == "headers");
  CHECK(batch[1].timestamp() == 77ns);
  std::size_t seen = 0;
  for (auto record : batch) CHECK(record.sequence() == ++seen);
  throwsCode(SPATE_EBUSY, [&] { cursor.close(); });
  throwsCode(SPATE_EBUSY, [&] { store.close(); });
  auto moved = std::move(batch);
  CHECK(!batch && moved.size() == 4);
  moved = spate::batch();
  CHECK(!cursor.next() && !cursor.next_batch(1ms));
  cursor.seek(SPATE_EARLIEST);
  CHECK(cursor.next()->sequence() == 0);

  auto named = queue.cursor("reader");
  throwsCode(SPATE_EINUSE, [&] { queue.cursor("reader"); });
  named.next_batch(spate::timeout::for_ever(), 2).acknowledge(spate::level::durable);
  named.acknowledge(2);
  spate::transaction transaction(queue);
  transaction.append({"sixth"});
  transaction.acknowledge(named, 3);
  transaction.set("name", "value");
  CHECK(transaction.commit() == 5);
  queue.truncate_tail(5);
  CHECK(queue.append("again") == 5);
  queue.trim_before(1);
  CHECK(queue.fencing_epoch() == 0);
  auto leader = queue.fence(3);
  throwsCode(SPATE_EFENCED, [&] { queue.append("late"); });
  throwsCode(SPATE_EFENCED, [&] { queue.fence(2); });
  CHECK(leader.append("new") == 6 && queue.fencing_epoch() == 3);
  store.queue("brief");
  store.drop("brief");
  throwsCode(SPATE_ENOTFOUND, [&] { store.drop("brief"); });
  CHECK(store.event_fd() >= 0);
  leader.append("told");
  auto advances = store.advances();
  CHECK(advances.size() <= 1 && (advances.empty() || advances[0].queue == leader.get()));
}

int main(int argc, char **argv) {
  const char *path = scratch(argc, argv);
  // Everything is closed at the end of each use: the next one finds the store free.
  use(std::string(path) + "/one");
  use(std::string(path) + "/two");
  spate::store again(std::string(path) + "/one");
  CHECK(again.queue("q").durable_sequence() == 8);
  again.close();
  throwsCode(SPATE_EINVAL, [&] { again.queue("q"); });
  removeTree(path);
  puts("wrapper: closes, moves and throws");
  return 0;
}
