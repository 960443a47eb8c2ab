import Glibc
import Testing

@testable import Spate

/// Sectors that cannot be read, on a real file system: what is mapped there ends a process by SIGBUS.
@Suite(.serialized) struct ColdReadFailureTests {
  /// Where a byte of a file stands on the disk of its file system.
  private func diskOffset(of path: String, at offset: UInt64) throws -> UInt64 {
    let file = unsafe open(path, O_RDONLY)
    defer { close(file) }
    // FIGETBSZ and FIBMAP: the number of a block of the file becomes that on the disk.
    var size: Int32 = 0
    try #require(unsafe ioctl(file, 2, &size) == 0 && size > 0)
    var block = Int32(offset / UInt64(size))
    try #require(
      unsafe ioctl(file, 1, &block) == 0 && block > 0,
      "the file system does not say where the file is"
    )
    return UInt64(block) * UInt64(size)
  }

  @Test(
    .enabled(if: PowerCutTools.missing == nil, PowerCutTools.missing),
    arguments: [FileMode.direct, .buffered]
  )
  func aBadSectorIsAnErrorOfTheCursorThatComesThereAndOfNobodyElse(mode: FileMode) throws {
    let disks = try VolatileDisks(count: 1, seed: 1)
    try #require(disks.tools.fileSystems.contains(.ext4))
    try disks.format(0, as: .ext4)
    try disks.mount(0, as: .ext4)
    let path = disks.path(0) + "/store"
    var options = StoreOptions()
    options.fileMode = mode
    options.memoryBudgetByteCount = 4 << 20
    options.minimalSegmentByteCount = 1 << 20
    options.maximalSegmentByteCount = 1 << 20
    let count = 6000
    var store = try Store.open(at: path, options: options)
    var queue = try store.queue(named: "events")
    for number in 0..<count { try queue.append(CursorFixture.payload(number, 1000), level: .published) }
    try store.close()
    // Nothing is in the page cache any more: the file system is mounted anew.
    try disks.unmount(0)
    try disks.mount(0, as: .ext4)
    store = try Store.open(at: path, options: options)
    queue = try store.queue(named: "events")
    let middle = queue.core.watermarks.durablePosition / 2
    let segment = try #require(queue.core.catalog.segment(containing: middle))
    let bad = try diskOffset(of: path + "/" + segment.path, at: segment.fileOffset(of: middle))
    try disks.spoil(0, bad..<bad + 512)

    var cold = try queue.cursor()
    var tail = try queue.cursor(from: .latest)
    var read: [UInt64] = []
    var failures: [SpateError] = []
    var lost: [Range<UInt64>] = []
    var isOver = false
    while !isOver {
      do {
        while let record = try cold.next() {
          #expect(CursorFixture.bytes(record.payload) == CursorFixture.payload(Int(record.sequence), 1000))
          read.append(record.sequence)
        }
        isOver = true
      } catch {
        failures.append(error)
        lost.append(try #require(error.sequence)..<cold.sequence)
        try #require(failures.count < 10)
      }
    }
    // Said with the records that it costs, which are not all of the segment's.
    #expect(!failures.isEmpty)
    #expect(failures.allSatisfy { $0.code == .ioFailed })
    #expect(lost.allSatisfy { !$0.isEmpty })
    #expect(lost.reduce(0) { $0 + $1.count } < 1500)
    #expect(read == (0..<UInt64(count)).filter { sequence in !lost.contains { $0.contains(sequence) } })

    // Producers, and cursors elsewhere, notice nothing.
    try queue.append(CursorFixture.payload(count, 1000))
    #expect(try tail.next()?.sequence == UInt64(count))
    var behind = try queue.cursor(from: .sequence(UInt64(count) - 500))
    #expect(try CursorFixture.drain(&behind, byteCount: 1000).count == 501)
    // It was the disk's trouble, and not noted as the log's: what can be read again is read.
    try disks.spoil(0, 0..<0)
    #expect(try queue.readAll().count == count + 1)
    try store.close()
    try disks.unmount(0)
  }
}
