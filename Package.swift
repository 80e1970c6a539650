// swift-tools-version: 6.2
import PackageDescription

// hiredis is found without pkg-config on Linux: Debian's .pc file carries a flag that SwiftPM prints a warning for on every
// build, and the header's place is the same on every distribution. Homebrew keeps it outside the default search path.
#if os(macOS)
let hiredisPkgConfig: String? = "hiredis"
#else
let hiredisPkgConfig: String? = nil
#endif

var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
]

var cSettings: [CSetting] = []

// Warnings are errors in our own builds (`make check test`) and never in those of a package that depends on this one.
if Context.environment["STINT_STRICT"] == "1" {
    settings.append(.treatAllWarnings(as: .error))
    cSettings.append(.treatAllWarnings(as: .error))
}

let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")

// Examples are written as users would write them: they see the library and nothing else.
let examples = [
    "cache-refresh", "effect-once", "hello", "order-timeout", "priority-lanes", "progress-and-cancel",
    "retry-failed-messages",
].map { name in
    Target.executableTarget(
        name: name, dependencies: ["Stint"], path: "examples/\(name)", exclude: ["README.md"], swiftSettings: settings)
}

let package = Package(
    name: "stint",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Stint", targets: ["Stint"]),
        .library(name: "StintTesting", targets: ["StintTesting"]),
        .library(name: "StintTracing", targets: ["StintTracing"]),
        .executable(name: "stint", targets: ["StintCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.1.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.81.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.29.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CHiredis",
            pkgConfig: hiredisPkgConfig,
            providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]
        ),
        .target(
            name: "CRESP",
            dependencies: ["CHiredis"],
            cSettings: cSettings,
            linkerSettings: [.linkedLibrary("hiredis")]
        ),
        .target(
            name: "StintLua",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            resources: [.embedInCode("Scripts")],
            swiftSettings: settings
        ),
        .target(name: "StintCore", swiftSettings: settings),
        .target(
            name: "StintRedis",
            dependencies: [
                "CRESP", nio, nioPosix, log,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: settings
        ),
        .target(name: "StintLocal", dependencies: ["StintRedis", subprocess, log], swiftSettings: settings),
        .target(
            name: "StintStore",
            dependencies: ["StintLua", "StintCore", "StintRedis", nio, log],
            swiftSettings: settings
        ),
        .target(
            name: "StintRuntime",
            dependencies: [
                "StintCore", "StintRedis", "StintStore", nio, log, metrics,
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "Stint",
            dependencies: [
                "StintCore", "StintRedis", "StintStore", "StintRuntime", nio, nioPosix, log, metrics,
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "StintTracing",
            dependencies: [
                "Stint", "StintCore", "StintRuntime", .product(name: "Tracing", package: "swift-distributed-tracing"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "StintBench",
            dependencies: [
                "Stint", "StintCore", "StintRedis", "StintRuntime", "StintStore", nio, nioPosix, log,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "StintCLI",
            dependencies: [
                "Stint", "StintBench", "StintCore", "StintLocal", "StintRedis", "StintStore", "StintRuntime",
                subprocess, log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "stint-bench",
            dependencies: [
                "Stint", "StintBench", "StintCore", "StintLocal", "StintLua", "StintRedis", "StintStore", nio, nioPosix,
                log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks",
            exclude: ["ratios.json", "peers"],
            swiftSettings: settings
        ),
        // Sees the library and nothing else, as the examples do.
        .executableTarget(
            name: "stint-peer", dependencies: ["Stint"], path: "Benchmarks/peers/stint", swiftSettings: settings),
        .target(name: "FaultChecker", path: "Faults/Checker", swiftSettings: settings),
        .executableTarget(
            name: "stint-faults",
            dependencies: [
                "FaultChecker", "Stint", "StintBench", "StintCore", "StintLocal", "StintRedis", "StintRuntime",
                "StintStore", "StintTesting", nio, nioPosix, subprocess, log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Faults/Lab",
            exclude: ["Shims"],
            swiftSettings: settings
        ),
        .target(
            name: "StintTesting",
            dependencies: [
                "Stint", "StintCore", "StintLocal", "StintRedis", "StintRuntime", "StintStore", nio, nioPosix,
                subprocess, log,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "CLITests",
            dependencies: ["StintBench", "StintCLI", "StintLocal", "StintTesting", subprocess],
            swiftSettings: settings
        ),
        .testTarget(
            name: "FaultsTests",
            dependencies: ["FaultChecker", "Stint", "StintCore", "StintTesting", nio, log], swiftSettings: settings),
        .testTarget(name: "StintCoreTests", dependencies: ["StintCore"], swiftSettings: settings),
        .testTarget(
            name: "StintLuaTests",
            dependencies: ["StintLua", "StintRedis", "StintTesting", nioPosix, log],
            swiftSettings: settings
        ),
        .testTarget(
            name: "StintStoreTests",
            dependencies: [
                "StintStore", "StintRuntime", "StintLua", "StintCore", "StintRedis", "StintTesting", nio, nioPosix, log,
            ],
            swiftSettings: settings
        ),
        .testTarget(name: "StintLocalTests", dependencies: ["StintLocal", "StintTesting"], swiftSettings: settings),
        .testTarget(
            name: "StintTestingTests",
            dependencies: [
                "Stint", "StintCore", "StintRedis", "StintRuntime", "StintStore", "StintTesting", "stint-model", nio,
                nioPosix, log,
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "StintRedisTests",
            dependencies: ["StintRedis", "CRESP", "StintLocal", "StintTesting"],
            swiftSettings: settings
        ),
        // Without our settings, so that the code of the README is compiled as in a package of a user.
        .testTarget(
            name: "DocsTests",
            dependencies: [
                "Stint", "StintCore", "StintLocal", "StintLua", "StintRedis", "StintStore", "StintTesting", nio, log,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]
        ),
        .testTarget(name: "ExampleTests", dependencies: ["StintLocal", "StintTesting"], swiftSettings: settings),
        .executableTarget(
            name: "stint-testnode",
            dependencies: [
                "Stint", "StintCore", "StintRuntime", "StintStore", nio, log,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Tests/Support/TestNode",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "stint-model",
            dependencies: [
                "StintCore", "StintLua", "StintRedis", "StintStore", "StintRuntime", "StintTesting", nio, nioPosix, log,
            ],
            path: "Tests/Support/Model",
            swiftSettings: settings
        ),
        .testTarget(
            name: "ModelTests",
            dependencies: ["stint-model", "StintCore", "StintLua", "StintStore", "StintTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "NodeTests",
            dependencies: [
                "Stint", "StintCore", "StintLocal", "StintRedis", "StintRuntime", "StintStore", "StintTesting",
                "StintTracing", nio, nioPosix, log, metrics,
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: settings
        ),
    ] + examples,
    swiftLanguageModes: [.v6]
)
