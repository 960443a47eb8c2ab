// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "SpateDriver",
  dependencies: [
    .package(name: "Spate", path: "../../..")
  ],
  targets: [
    // A link to the harness that the drivers in C share.
    .target(name: "CHarness", linkerSettings: [.linkedLibrary("pthread")]),
    .executableTarget(
      name: "spate-driver",
      dependencies: ["CHarness", .product(name: "Spate", package: "Spate")],
      path: "Sources/SpateDriver",
      swiftSettings: [.strictMemorySafety()]
    ),
  ],
  swiftLanguageModes: [.v6]
)
