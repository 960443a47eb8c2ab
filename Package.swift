// swift-tools-version: 6.3
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .strictMemorySafety(),
  .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
  name: "Spate",
  products: [
    .library(name: "Spate", targets: ["Spate"]),
    .library(name: "SpateC", type: .dynamic, targets: ["SpateC"]),
    .executable(name: "spate", targets: ["SpateCLI"]),
    // For the package in Benchmarks alone: what it measures beneath the library's interface.
    .library(name: "_SpateMeasuring", targets: ["CSpate", "CMallocCount"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLiburing",
      path: "CShims/CLiburing",
      pkgConfig: "liburing",
      providers: [.apt(["liburing-dev"])]
    ),
    .target(
      name: "CSpate",
      dependencies: ["CLiburing"],
      path: "CShims/CSpate"
    ),
    .target(
      name: "CLimits",
      dependencies: ["CLiburing"],
      path: "CShims/CLimits"
    ),
    .target(
      name: "Spate",
      dependencies: ["CSpate"],
      swiftSettings: swiftSettings
    ),
    .target(
      name: "CSpateHandles",
      path: "CShims/CSpateHandles"
    ),
    .systemLibrary(
      name: "CSpateInterface",
      path: "Sources/SpateC/include"
    ),
    .target(
      name: "SpateC",
      dependencies: ["Spate", "CSpate", "CSpateHandles", "CSpateInterface"],
      exclude: ["include", "libspate.map", "spate.pc.in"],
      swiftSettings: swiftSettings
    ),
    .executableTarget(
      name: "SpateCLI",
      dependencies: [
        "Spate",
        "CLimits",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      exclude: ["spate.1"],
      swiftSettings: swiftSettings
    ),
    .executableTarget(
      name: "SpateCrashChild",
      dependencies: ["Spate"],
      path: "Tests/SpateCrashChild",
      swiftSettings: swiftSettings
    ),
    .target(
      name: "CMallocCount",
      path: "CShims/CMallocCount"
    ),
    .executableTarget(
      name: "HotPathAllocations",
      dependencies: ["Spate", "CMallocCount"],
      path: "Tests/HotPathAllocations",
      swiftSettings: swiftSettings
    ),
    .executableTarget(
      name: "ReadmeExample",
      dependencies: ["Spate"],
      path: "Tests/ReadmeExample"
    ),
    .testTarget(
      name: "SpateTests",
      dependencies: ["Spate", "CSpate", "SpateCrashChild", "HotPathAllocations"],
      swiftSettings: swiftSettings
    ),
    .testTarget(
      name: "SpateCTests",
      dependencies: ["Spate", "SpateC", "CSpateInterface"],
      swiftSettings: swiftSettings
    ),
    .testTarget(
      name: "SpateCLITests",
      dependencies: ["SpateCLI", "ReadmeExample"],
      swiftSettings: swiftSettings
    ),
  ],
  swiftLanguageModes: [.v6]
)
