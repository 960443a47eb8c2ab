// swift-tools-version: 6.3
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .strictMemorySafety()
]

// SPATE_BENCH_WITHOUT_ENGINE=1 builds the limits, and the scenarios over a stand-in, when the engine does not build.
let hasEngine = Context.environment["SPATE_BENCH_WITHOUT_ENGINE"] == nil

let package = Package(
  name: "SpateBenchmarks",
  products: [
    .executable(name: "spate-bench", targets: ["SpateBench"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ] + (hasEngine ? [.package(name: "Spate", path: "..")] : []),
  targets: [
    .target(
      name: "CLimits",
      linkerSettings: [.linkedLibrary("uring")]
    ),
    .executableTarget(
      name: "SpateBench",
      dependencies: [
        "CLimits",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ] + (hasEngine ? [.product(name: "Spate", package: "Spate")] : []),
      swiftSettings: swiftSettings
    ),
  ],
  swiftLanguageModes: [.v6]
)
