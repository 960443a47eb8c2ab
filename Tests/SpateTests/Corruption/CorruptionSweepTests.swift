import Glibc
import Testing

@testable import Spate
@testable import SpateCrashChild

/// Damages every part of a store that the engine wrote and closed. Whatever the damage:
///
/// - opening and reading end, with a typed error at most;
/// - every record that is read is the one that was appended, and a batch is read as a whole or not at all;
/// - what is missing is what is said to be lost, to the record;
/// - the named cursor stands nowhere behind which something was not acknowledged.
///
/// A seed picks some of the bytes; with `SPATE_SWEEP=full` in the environment it is every byte.
@Suite struct CorruptionSweepTests {
  private let scratch = IOScratch()
  private let store: SweptStore

  init() throws { store = try SweptStore(in: scratch) }

  private static let isFull = unsafe getenv("SPATE_SWEEP").map { unsafe String(cString: $0) } == "full"

  /// What damage may take away beside what is said to be lost.
  private enum Allowance {
    case nothing
    /// The end of the log: the files that would prove it are the damaged ones.
    case end
    /// The beginning of the log, in the same way.
    case begin
    /// All of it: the open may refuse with one of these; with nil, with any failure that is typed.
    case refusal([SpateError.Code]?)
  }

  // MARK: Bytes

  @Test func noFlippedByteIsServedAndItsLossIsExact() throws {
    var random = SplitMix(state: Self.isFull ? 0 : UInt64.random(in: 0...(.max)))
    let seed = random.state
    for (path, bytes) in store.files.sorted(by: { $0.key < $1.key }) {
      for place in places(in: bytes, of: path, using: &random) {
        let mask = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
        let storage = store.storage
        storage.edit(path) { $0[place] ^= mask }
        let allowance: Allowance =
          path.hasSuffix(Format.manifestName) ? .refusal([.corrupt, .unsupportedFormat]) : .nothing
        check("flip \(mask) at \(place) of \(path), seed \(seed)", allowance) {
          try SweepOutcome(of: storage)
        }
      }
    }
  }

  @Test func noSectorThatCannotBeReadOrIsZeroIsServedAndItsLossIsExact() throws {
    for path in store.segments {
      let bytes = try #require(store.files[path])
      for sector in 2..<(bytes.count / 512) where sector < 8 || Self.isFull || sector % 3 == 0 {
        let storage = store.storage
        storage.edit(path) {
          $0.replaceSubrange((sector * 512)..<(sector * 512 + 512), with: repeatElement(0, count: 512))
        }
        check("zeros at \(sector * 512) of \(path)", path == store.segments.last ? .end : .nothing) {
          try SweepOutcome(of: storage)
        }
      }
      for block in 1..<(bytes.count / 4096) {
        let storage = store.storage
        storage.state.withLock { $0.unreadable[path] = [UInt64(block)] }
        check("bad block \(block) of \(path)", path == store.segments.last ? .end : .nothing) {
          try SweepOutcome(of: storage)
        }
      }
    }
  }

  /// The bytes of a file that mean something, and of the others one in a while.
  private func places(in bytes: [UInt8], of path: String, using random: inout SplitMix) -> [Int] {
    var means = [Bool](repeating: false, count: bytes.count)
    for (place, byte) in bytes.enumerated() where byte != 0 {
      for near in max(0, place - 16)..<min(bytes.count, place + 16) { means[near] = true }
    }
    let meaning = means.indices.filter { means[$0] }
    let others = means.indices.filter { !means[$0] && $0 % 512 == 77 }
    if Self.isFull { return meaning + others }
    return (0..<(Self.sampleCount)).map { _ in meaning.randomElement(using: &random)! } + others.prefix(4)
  }

  private static let sampleCount = 120

  // MARK: Files

  @Test func aFileThatWasCutIsServedUpToTheCutAndItsLossIsExact() throws {
    for (path, bytes) in store.files.sorted(by: { $0.key < $1.key }) {
      var counts = [0, 1, 511, 512, 1024, 4095, 4096, 4097, 4176, 5000, bytes.count / 2, bytes.count - 4096]
      counts.append(bytes.count - 1)
      for count in Set(counts) where count >= 0 && count < bytes.count {
        let storage = store.storage
        storage.edit(path) { $0.removeSubrange(count...) }
        check("\(path) cut to \(count)", allowance(path, count)) { try SweepOutcome(of: storage) }
      }
    }
  }

  private func allowance(_ path: String, _ count: Int) -> Allowance {
    if path.hasSuffix(Format.manifestName) { return .refusal([.corrupt, .notFound, .unsupportedFormat]) }
    return path == store.segments.last ? .end : .nothing
  }

  @Test func aFileThatGrewIsReadAsBefore() throws {
    var random = SplitMix(state: 7)
    for path in store.files.keys.sorted() {
      for count in [1, 512, 4096, 20_000] {
        let storage = store.storage
        let tail = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        storage.edit(path) { $0 += tail }
        check("\(path) longer by \(count)", .nothing) { try SweepOutcome(of: storage) }
      }
    }
  }

  @Test func swappedFilesAreNotTakenForEachOther() throws {
    let paths = store.files.keys.sorted()
    for (index, first) in paths.enumerated() {
      for second in paths[(index + 1)...] {
        let storage = store.storage
        storage.state.withLock { state in
          (state.files[first], state.files[second]) = (state.files[second], state.files[first])
        }
        check("\(first) and \(second) swapped", allowance(forSwapping: [first, second])) {
          try SweepOutcome(of: storage)
        }
      }
    }
  }

  private func allowance(forSwapping paths: Set<String>) -> Allowance {
    if paths.contains(where: { $0.hasSuffix(Format.manifestName) }) {
      return .refusal([.corrupt, .unsupportedFormat])
    }
    if paths.contains(where: { $0 == store.segments.last }) { return .end }
    // Nobody knows then whether the first segment was trimmed.
    let isCheckpoint = paths.contains { $0.hasSuffix(Format.checkpointName) }
    return isCheckpoint && paths.contains { $0 == store.segments.first } ? .begin : .nothing
  }

  @Test func aFileThatIsGoneIsReportedAndTheOthersAreServed() throws {
    for path in store.files.keys.sorted() {
      let copy = try copy()
      unsafe unlink(copy.path + "/" + path)
      check("\(path) gone", missing(path)) { try SweepOutcome(ofStoreAt: copy.path) }
    }
  }

  @Test func aFileThatIsADirectoryNowIsAnErrorOrALoss() throws {
    for path in store.files.keys.sorted() {
      let copy = try copy()
      unsafe unlink(copy.path + "/" + path)
      unsafe mkdir(copy.path + "/" + path, 0o755)
      check("\(path) a directory", .refusal(nil)) {
        try SweepOutcome(ofStoreAt: copy.path)
      }
    }
  }

  private func missing(_ path: String) -> Allowance {
    if path.hasSuffix(Format.manifestName) { return .refusal([.notFound, .corrupt]) }
    return path == store.segments.last ? .end : .nothing
  }

  /// The undamaged store on the disk, once more.
  private func copy() throws -> IOScratch {
    let copy = IOScratch()
    for directory in [StoreLayout.queuesName, SweptStore.directory] {
      unsafe mkdir(copy.path + "/" + directory, 0o755)
    }
    for (path, bytes) in store.files {
      let descriptor = unsafe open(copy.path + "/" + path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
      defer { close(descriptor) }
      let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      try #require(count == bytes.count)
    }
    return copy
  }

  // MARK: What holds after any damage

  private func check(
    _ what: String,
    _ allowance: Allowance,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ open: () throws -> SweepOutcome
  ) {
    let what = Comment(rawValue: what)
    let outcome: SweepOutcome
    do { outcome = try open() } catch {
      let isAllowed =
        if case .refusal(let codes) = allowance, let error = error as? SpateError {
          codes?.contains(error.code) ?? true
        } else { false }
      #expect(isAllowed, "\(what): \(error)", sourceLocation: sourceLocation)
      return
    }
    for (sequence, record) in outcome.read where store.records[sequence] != record {
      Issue.record("\(what): record \(sequence) was never appended", sourceLocation: sourceLocation)
    }
    for batch in store.batches {
      let count = batch.filter { outcome.read[$0] != nil }.count
      #expect(
        count == 0 || count == batch.count,
        "\(what): a part of batch \(batch)",
        sourceLocation: sourceLocation
      )
    }
    var begin: UInt64 = 0
    if case .begin = allowance { begin = outcome.read.keys.min() ?? 0 }
    let expected = begin..<max(begin, outcome.endSequence)
    let missing = Set(store.records.keys.filter { expected.contains($0) && outcome.read[$0] == nil })
    let lost = outcome.lost.filter { store.records[$0] != nil || $0 >= store.endSequence }
    #expect(lost == missing, "\(what): \(outcome.report.findings)", sourceLocation: sourceLocation)
    if case .end = allowance {
    } else {
      #expect(
        outcome.endSequence == store.endSequence,
        "\(what): \(outcome.report.findings)",
        sourceLocation: sourceLocation
      )
    }
    #expect(outcome.place ?? 0 <= store.acknowledged, what, sourceLocation: sourceLocation)
  }
}
