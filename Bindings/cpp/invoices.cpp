// A processor that reads orders and writes invoices, each order once: what it read, what it made of it and a counter of
// its own are committed in one step.
//
//     c++ -std=c++17 invoices.cpp $(pkg-config --cflags --libs spate) -o invoices && ./invoices /tmp/example-store
#include <spate.hpp>

#include <iostream>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " STORE\n";
    return 2;
  }
  try {
    spate::store store(argv[1]);
    auto orders = store.queue("orders");
    auto invoices = store.queue("invoices");

    // A batch is in the log as a whole or not at all.
    orders.append_batch({{"three apples", "alice"}, {"two pears", "bob"}, {"one plum", "alice"}});
    while (!orders.try_append("a dozen eggs")) {}
    orders.append("a loaf of bread");

    auto billing = orders.cursor("billing");
    spate::transaction transaction(invoices);
    std::size_t count = 0;
    while (auto batch = billing.next_batch()) {
      for (auto order : batch) {
        std::string invoice = "invoice for " + std::string(order.payload());
        transaction.append({invoice, order.key()});
        transaction.acknowledge(billing, order.sequence());
        count++;
      }
      transaction.set("last-batch", std::to_string(batch.size()));
      transaction.commit();
    }

    std::size_t read = 0;
    auto cursor = invoices.cursor();
    while (auto invoice = cursor.next()) {
      std::cout << invoice->sequence() << ": " << invoice->payload() << "\n";
      read++;
    }
    return count == read && count >= 5 ? 0 : 1;
  } catch (const spate::error &failure) {
    std::cerr << failure.name() << ": " << failure.what() << "\n";
    return 1;
  }
}
