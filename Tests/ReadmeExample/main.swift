import Spate

let store = try Store.open(at: "/var/lib/app/spate")  // creates or recovers it, takes the lock
let orders = try store.queue(named: "orders")  // creates or opens it

let sequence = try orders.append(Array("one".utf8))  // durable when it returns
try orders.append(Array("two".utf8), level: .published)  // in the ring when it returns
try orders.wait(for: sequence + 1, level: .durable)  // now this one is durable too

var cursor = try orders.cursor(from: .earliest)
while let record = try cursor.next() {  // a view of the bytes where they are, not a copy
  print(record.sequence, record.payload.byteCount)
}
try store.close()
