/// What a store does its input and output with, and why. A value to show to people.
public struct StorageDescription: Sendable, Hashable {
  /// How operations reach the kernel.
  public var strategy: IOStrategy
  /// Whether segment files bypass the page cache.
  public var mode: FileMode
  /// The unit of aligned writes: a power of two, at least 4096.
  public var blockByteCount: Int
  /// Why io_uring is not used, in a sentence, or nil when it is used.
  public var strategyReason: String?
  /// Why direct files are not used, in a sentence, or nil when they are used.
  public var modeReason: String?

  /// Makes a description.
  public init(
    strategy: IOStrategy,
    mode: FileMode,
    blockByteCount: Int,
    strategyReason: String? = nil,
    modeReason: String? = nil
  ) {
    self.strategy = strategy
    self.mode = mode
    self.blockByteCount = blockByteCount
    self.strategyReason = strategyReason
    self.modeReason = modeReason
  }
}

extension StorageDescription: CustomStringConvertible {
  /// One line: strategy, mode, block size, and what was refused.
  public var description: String {
    var text = "\(strategy), \(mode) files, blocks of \(blockByteCount) bytes"
    if let strategyReason { text += "; no io_uring: \(strategyReason)" }
    if let modeReason { text += "; no direct files: \(modeReason)" }
    return text
  }
}
