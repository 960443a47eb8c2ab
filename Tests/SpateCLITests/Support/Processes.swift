import Glibc

/// Other processes, as the kernel lists them.
enum Processes {
  /// The children of all threads of a process.
  static func children(of process: pid_t) -> [pid_t] {
    Files.names(in: "/proc/\(process)/task").flatMap { thread in
      String(decoding: Files.read("/proc/\(process)/task/\(thread)/children"), as: UTF8.self)
        .split(separator: " ").compactMap { pid_t($0) }
    }
  }
}
