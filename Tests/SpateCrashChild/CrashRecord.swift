/// The records of the crash tests: each says who made it, so that the log can be checked without other notes.
///
///     offset  size  field
///          0     8  life        which process
///          8     4  producer    which thread of it
///         12     4  zero
///         16     8  number      ascends for each producer
///         24     4  batchIndex  place in its atomic batch
///         28     4  batchCount  1 for a record of its own
///         32        filling     bytes that follow from all of the above
enum CrashRecord {
  static let headByteCount = 32

  static func payload(
    life: UInt64,
    producer: UInt32,
    number: UInt64,
    batchIndex: Int = 0,
    batchCount: Int = 1,
    byteCount: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    func add(_ value: UInt64, _ count: Int) {
      for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }
    add(life, 8)
    add(UInt64(producer), 8)
    add(number, 8)
    add(UInt64(batchIndex), 4)
    add(UInt64(batchCount), 4)
    var state = life &* 0x9E37_79B9_7F4A_7C15 &+ number &* 31 &+ UInt64(producer)
    while bytes.count < byteCount {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes.append(UInt8(truncatingIfNeeded: state >> 33))
    }
    return bytes
  }

  /// FNV-1a of all bytes.
  static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return hash
  }
}
