/// What one call may carry, and what the file system can do. Tests make the limits small to meet every
/// continuation.
struct WriteLimits: Sendable {
  /// The most vectors of one call: the kernel's IOV_MAX.
  var vectorCount = 1024
  /// The most bytes of one call: the kernel's MAX_RW_COUNT, in whole blocks.
  var byteCount = 0x7FFF_F000 & ~0xFFFF
  /// Whether `RWF_DSYNC` works; else a durable write is a write and a sync.
  var hasDurableWrites = true
  /// How often a call that reports EAGAIN is tried again before that is the result.
  var retryCount = 1000
}
