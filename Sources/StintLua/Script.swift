import Crypto
import Foundation

/// One script of `Lua/`, with its includes expanded, ready to be sent to Redis.
package struct Script: Sendable {
    /// The file's name without its ending, which is also the name of the store's function.
    package let name: String
    package let source: String
    /// SHA1 of `source` in lower-case hex, as `EVALSHA` wants it.
    package let sha1: String

    /// - Parameter files: others than the embedded ones are for tests.
    package init(name: String, files: [String: String] = ScriptFiles.all) {
        do {
            self.name = name
            self.source = try ScriptLoader(files: files).expand(name)
        } catch {
            // The scripts are compiled in, and a test expands every one of them.
            preconditionFailure("the script \(name) does not expand: \(error)")
        }
        self.sha1 = Insecure.SHA1.hash(data: Data(source.utf8)).map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 1 ? "0" + hex : hex
        }.joined()
    }
}

/// The script set: one operation, one script.
package enum Scripts {
    package static let enqueue = Script(name: "enqueue")
    package static let claim = Script(name: "claim")
    package static let ack = Script(name: "ack")
    package static let answer = Script(name: "answer")
    package static let nack = Script(name: "nack")
    package static let note = Script(name: "note")
    package static let extend = Script(name: "extend")
    package static let release = Script(name: "release")
    package static let reap = Script(name: "reap")
    package static let promote = Script(name: "promote")
    package static let look = Script(name: "look")
    package static let cancel = Script(name: "cancel")
    package static let redrive = Script(name: "redrive")
    package static let edit = Script(name: "edit")
    package static let purge = Script(name: "purge")
    package static let trim = Script(name: "trim")
    package static let pause = Script(name: "pause")
    package static let change = Script(name: "change")
    package static let configure = Script(name: "configure")
    package static let reorder = Script(name: "reorder")
    package static let learn = Script(name: "learn")
    package static let beat = Script(name: "beat")
    package static let watch = Script(name: "watch")
    package static let miss = Script(name: "miss")
    package static let nudge = Script(name: "nudge")
    package static let tell = Script(name: "tell")
    package static let expel = Script(name: "expel")
    package static let once = Script(name: "once")
    package static let fsck = Script(name: "fsck")
    package static let stats = Script(name: "stats")
    package static let show = Script(name: "show")
    package static let failures = Script(name: "failures")

    package static let all = [
        enqueue, claim, ack, answer, note, nack, extend, release, reap, promote, look, cancel, redrive, edit, change,
        purge, trim, pause, configure, reorder, learn, beat, watch, miss, nudge, tell, expel, once, fsck, stats, show,
        failures,
    ]
}
