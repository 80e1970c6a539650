import Foundation

/// The directory of the executables that were built together with the running tests, such as `.build/debug`.
package enum BuiltProducts {
    package static var directory: String {
        #if os(macOS)
        for bundle in Bundle.allBundles where bundle.bundlePath.hasSuffix(".xctest") {
            return bundle.bundleURL.deletingLastPathComponent().path
        }
        #endif
        let program = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
        return program.resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// The path of one of them.
    package static func executable(_ name: String) -> String { directory + "/" + name }
}
