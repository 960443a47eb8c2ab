// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "SpateBenchmarks",
  dependencies: [
    // Without its interposers: CMallocCount counts the allocations.
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    .package(name: "Spate", path: ".."),
  ],
  targets: [
    .executableTarget(
      name: "SpateMicrobenchmarks",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "Spate", package: "Spate"),
        .product(name: "_SpateMeasuring", package: "Spate"),
      ],
      path: "Benchmarks/SpateMicrobenchmarks",
      swiftSettings: [.strictMemorySafety()],
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
    )
  ],
  swiftLanguageModes: [.v6]
)
