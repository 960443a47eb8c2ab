import Glibc

/// Pipes to other processes.
enum Pipe {
  /// `F_SETPIPE_SZ` of Linux, which the C library shows to GNU sources only.
  private static let setSize: Int32 = 1031

  /// Makes a pipe take more than 64 KiB at a time. No matter when it is no pipe, or may not grow.
  static func enlarge(_ descriptor: Int32) { _ = fcntl(descriptor, setSize, 1 << 20) }
}
