/// CRC-32C (Castagnoli), eight bytes a step.
struct CRC32C {
  private static let tables: [[UInt32]] = {
    var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
    for index in 0..<256 {
      var value = UInt32(index)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82F6_3B78 }
      tables[0][index] = value
    }
    for index in 0..<256 {
      for table in 1..<8 {
        let before = tables[table - 1][index]
        tables[table][index] = before >> 8 ^ tables[0][Int(before & 0xFF)]
      }
    }
    return tables
  }()

  private var state: UInt32 = .max

  /// The checksum of what was added so far.
  var value: UInt32 { ~state }

  /// Adds bytes.
  mutating func add(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe add($0) }
  }

  /// Adds bytes.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let tables = Self.tables
    var crc = state
    var offset = 0
    while bytes.count - offset >= 8 {
      // SAFETY: eight bytes are there.
      let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let low = UInt32(truncatingIfNeeded: word) ^ crc
      let high = UInt32(truncatingIfNeeded: word >> 32)
      crc =
        tables[7][Int(low & 0xFF)] ^ tables[6][Int(low >> 8 & 0xFF)]
        ^ tables[5][Int(low >> 16 & 0xFF)] ^ tables[4][Int(low >> 24)]
        ^ tables[3][Int(high & 0xFF)] ^ tables[2][Int(high >> 8 & 0xFF)]
        ^ tables[1][Int(high >> 16 & 0xFF)] ^ tables[0][Int(high >> 24)]
      offset += 8
    }
    while offset < bytes.count {
      crc = crc >> 8 ^ tables[0][Int((crc ^ UInt32(unsafe bytes[offset])) & 0xFF)]
      offset += 1
    }
    state = crc
  }

  /// Adds a number's four bytes, little-endian.
  mutating func add(_ number: UInt32) {
    var number = number.littleEndian
    unsafe withUnsafeBytes(of: &number) { unsafe add($0) }
  }
}
