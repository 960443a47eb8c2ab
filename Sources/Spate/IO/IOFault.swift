/// Faults of the disk that a benchmark or a test injects.
@_spi(FaultInjection)
public enum IOFault {
  /// What the engine is about to ask of the disk.
  public enum Operation: Sendable {
    /// A write of a segment's bytes.
    case write
    /// A sync, or the syncing part of a durable write.
    case sync
  }
}

extension Store {
  /// Opens a store whose writes and syncs ask `intercept` first: it may sleep (a disk that stalls), or return an errno other than 0
  /// to fail with. It is called on the engine's threads. Otherwise as ``open(at:options:)``.
  @_spi(FaultInjection)
  public static func open(
    at path: String,
    options: StoreOptions = StoreOptions(),
    intercepting intercept: @escaping @Sendable (IOFault.Operation) -> Int32
  ) throws(SpateError) -> Store {
    try open(at: path, options: options) { InterceptedStorage($0, intercept: intercept) }
  }
}
