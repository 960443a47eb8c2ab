// swift-tools-version: 6.3
import PackageDescription

// Fuzz targets for what Spate reads from files: `scripts/fuzz` builds and runs them. A package of its own, so that
// nobody else builds it: it links libFuzzer. What `Shared` directories hold are links to the sources that are tested
// and to the tests' storage in memory.
let package = Package(
  name: "Fuzzing",
  dependencies: [.package(name: "Spate", path: "../..")],
  targets: [
    .target(name: "CLibFuzzer"),
    .executableTarget(
      name: "Fuzz",
      dependencies: ["CLibFuzzer", .product(name: "Spate", package: "Spate")],
      swiftSettings: [.strictMemorySafety(), .enableExperimentalFeature("Lifetimes")]
    ),
  ],
  swiftLanguageModes: [.v6]
)
