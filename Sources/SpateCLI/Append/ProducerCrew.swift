import Spate
import Synchronization

/// The producers of one `append`: the calling thread when there is one, threads of their own when there are
/// more. Used on one thread.
final class ProducerCrew {
  private final class Counter: Sendable { let value = Atomic<UInt64>(0) }

  private let run: AppendRun
  private let count: Int
  /// Blocks to be appended, and blocks to be filled.
  private let full = Handover<RecordBlock>()
  private let empty = Handover<RecordBlock>()
  private let recordCount = Counter()
  private var threads: [WorkerThread] = []
  private var progress: ProgressBar
  private var byteCount: UInt64 = 0

  /// Starts the threads.
  init(run: AppendRun, count: Int, progress: consuming ProgressBar) throws {
    self.run = run
    self.count = count
    self.progress = progress
    // One more than there are producers, so that reading goes on while all of them append.
    for _ in 0..<(count == 1 ? 1 : count + 1) {
      empty.put(RecordBlock(capacity: RecordBlockReader.blockByteCount * 2))
    }
    guard count > 1 else { return }
    for _ in 0..<count { threads.append(try makeThread()) }
  }

  deinit { finish() }

  private func makeThread() throws -> WorkerThread {
    try WorkerThread { [run, full, empty, recordCount] in
      var producer = Producer(run: run)
      while let block = full.take() {
        do {
          if run.failure == nil { recordCount.value.add(try producer.append(block), ordering: .relaxed) }
        } catch {
          run.fail(error)
        }
        empty.put(block)
      }
    }
  }

  /// Appends everything that a reader gives, until its end or until the command should stop.
  func append(from reader: borrowing RecordBlockReader) throws {
    var producer = Producer(run: run)
    while !run.isStopping, let block = empty.take() {
      guard try reader.fill(block) else {
        empty.put(block)
        break
      }
      byteCount += UInt64(block.count)
      if count == 1 {
        defer { empty.put(block) }
        recordCount.value.add(try producer.append(block), ordering: .relaxed)
      } else {
        full.put(block)
      }
      progress.update(byteCount: byteCount, recordCount: recordCount.value.load(ordering: .relaxed))
    }
  }

  /// Waits until everything that was read is appended.
  func finish() {
    full.close()
    for thread in threads { thread.join() }
    threads = []
    progress.clear()
    run.finish()
  }
}
