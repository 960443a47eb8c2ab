import CHarness
import Glibc
import Spate
import Synchronization

/// Spate behind the harness that the drivers in C share: the same threads, loops and payloads.
///
/// Durable works run with the defaults. Without sync a queue syncs once an hour and files go through the page
/// cache, so that `written` means what it does for the others: the kernel has the bytes. Variants: `published`
/// promises less, an append returns once the record is in the ring, and the run ends when the kernel has all of
/// them; `reused` keeps the last GiB alone and has gone round it once before the time begins, so that no segment
/// is new; `batches` appends 64 records as one atomic batch, as a transaction does, instead of one by one.
@main
enum SpateDriver {
  static func main() {
    var driver = unsafe makeDriver()
    let status = unsafe harness_main(CommandLine.argc, CommandLine.unsafeArgv, &driver)
    exit(status)
  }

  /// Apart from `main`, whose closures would belong to the main actor: producers are threads of their own.
  @unsafe
  private nonisolated static func makeDriver() -> peer {
    var driver = unsafe peer()
    unsafe driver.name = UnsafePointer(strdup("Spate"))
    unsafe driver.window = UnsafePointer(strdup("64 appends, one wait"))
    unsafe driver.checks = UnsafePointer(strdup("record checksums"))
    unsafe driver.open = { settings in
      let log = unsafe OpenLog(settings!.pointee)
      opened.withLock { $0 = log }
    }
    unsafe driver.begin = { _ in unsafe Unmanaged.passRetained(Producer(current())).toOpaque() }
    unsafe driver.append = { producer, records, size, count in
      // SAFETY: what `begin` returned, which is never released; `count` records of `size` bytes stand at `records`.
      unsafe Unmanaged<Producer>.fromOpaque(producer!)._withUnsafeGuaranteedRef {
        unsafe $0.append(UnsafeRawPointer(records!), size: size, count: Int(count))
      }
    }
    unsafe driver.settle = { current().settle() }
    unsafe driver.read = { reader in unsafe current().read(into: reader!, waits: false) }
    unsafe driver.follow = { reader in unsafe current().read(into: reader!, waits: true) }
    unsafe driver.count = { current().countRecords() }
    unsafe driver.close = { current().close() }
    return unsafe driver
  }
}

/// Set by `open`, before anything else is called.
private let opened = Mutex<OpenLog?>(nil)

private func current() -> OpenLog {
  guard let log = opened.withLock({ $0 }) else { stop("the log is not open") }
  return log
}
