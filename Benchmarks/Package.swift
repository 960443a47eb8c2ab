// swift-tools-version: 6.3
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .strictMemorySafety()
]

let package = Package(
  name: "SpateBenchmarks",
  products: [
    .executable(name: "spate-bench", targets: ["SpateBench"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(name: "Spate", path: ".."),
  ],
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
        .product(name: "Spate", package: "Spate"),
      ],
      swiftSettings: swiftSettings
    ),
  ],
  swiftLanguageModes: [.v6]
)
