import Glibc
import Testing

@testable import Spate

/// The programs of the rig, built from `Tests/PowerCut` into the build's directory; or the reason why there are none.
struct PowerCutTools: Sendable {
  /// Serves the disks.
  let disk: String
  /// Preloaded, takes the syncs out of a program.
  let noSync: String
  /// What this machine has the programs for.
  let fileSystems: [DiskFileSystem]

  /// What the tests need, or what is missing.
  static let found: Result<PowerCutTools, Missing> = find()

  struct Missing: Error { var reason: String }

  /// Why there can be no power cuts here; nil when there can.
  static var missing: Comment? {
    if case .failure(let missing) = found {
      return Comment(rawValue: "no power cuts: \(missing.reason)")
    }
    return nil
  }

  private static func find() -> Result<PowerCutTools, Missing> {
    guard geteuid() == 0 else { return .failure(Missing(reason: "only root can mount")) }
    for device in ["/dev/fuse", "/dev/loop-control"] {
      guard unsafe access(device, R_OK | W_OK) == 0 else {
        return .failure(Missing(reason: "\(device) cannot be opened"))
      }
    }
    let fileSystems = DiskFileSystem.allCases.filter { run("command -v \($0.makingCommand[0])") }
    guard !fileSystems.isEmpty else { return .failure(Missing(reason: "there is no mkfs")) }
    let tools = PowerCutTools(
      disk: ChildProcess.directory + "/volatile-disk",
      noSync: ChildProcess.directory + "/no-sync.so",
      fileSystems: fileSystems
    )
    let source = "\(#filePath)".split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/PowerCut/"
    guard
      run(
        "cc -O2 -o '\(tools.disk)' '\(source)volatile-disk.c' $(pkg-config --cflags --libs fuse3) -pthread"
      ),
      run(
        "cc -O2 -shared -fPIC -o '\(tools.noSync)' '\(source)no-sync.c' $(pkg-config --cflags liburing) -ldl"
      )
    else { return .failure(Missing(reason: "cc, pkg-config, libfuse3-dev or liburing-dev is missing")) }
    return .success(tools)
  }

  /// Whether a line of the shell succeeds.
  static func run(_ line: String) -> Bool {
    guard let shell = try? ChildProcess(["-c", "exec 2>/dev/null; \(line)"], executable: "/bin/sh") else {
      return false
    }
    _ = shell.finish()
    return shell.hasSucceeded
  }
}
