/// The embedded files of `Lua/`. SwiftPM flattens folders, so that a script and an include may not share a name.
package enum ScriptFiles {
    static let scripts: [String: [UInt8]] = [
        "ack": PackageResources.ack_lua,
        "beat": PackageResources.beat_lua,
        "cancel": PackageResources.cancel_lua,
        "claim": PackageResources.claim_lua,
        "configure": PackageResources.configure_lua,
        "enqueue": PackageResources.enqueue_lua,
        "expel": PackageResources.expel_lua,
        "extend": PackageResources.extend_lua,
        "fsck": PackageResources.fsck_lua,
        "look": PackageResources.look_lua,
        "miss": PackageResources.miss_lua,
        "nack": PackageResources.nack_lua,
        "pause": PackageResources.pause_lua,
        "promote": PackageResources.promote_lua,
        "purge": PackageResources.purge_lua,
        "reap": PackageResources.reap_lua,
        "redrive": PackageResources.redrive_lua,
        "release": PackageResources.release_lua,
        "show": PackageResources.show_lua,
        "stats": PackageResources.stats_lua,
        "trim": PackageResources.trim_lua,
        "watch": PackageResources.watch_lua,
    ]

    static let includes: [String: [UInt8]] = [
        "alarm": PackageResources.alarm_lua,
        "apart": PackageResources.apart_lua,
        "band": PackageResources.band_lua,
        "clock": PackageResources.clock_lua,
        "deadline": PackageResources.deadline_lua,
        "done": PackageResources.done_lua,
        "due": PackageResources.due_lua,
        "extras": PackageResources.extras_lua,
        "finish": PackageResources.finish_lua,
        "first": PackageResources.first_lua,
        "fsck_jobs": PackageResources.fsck_jobs_lua,
        "fsck_keys": PackageResources.fsck_keys_lua,
        "fsck_rest": PackageResources.fsck_rest_lua,
        "groups": PackageResources.groups_lua,
        "holder": PackageResources.holder_lua,
        "keys": PackageResources.keys_lua,
        "known": PackageResources.known_lua,
        "lease": PackageResources.lease_lua,
        "limits": PackageResources.limits_lua,
        "mark": PackageResources.mark_lua,
        "order": PackageResources.order_lua,
        "record": PackageResources.record_lua,
        "state": PackageResources.state_lua,
        "take": PackageResources.take_lua,
        "terms": PackageResources.terms_lua,
        "tries": PackageResources.tries_lua,
        "unique": PackageResources.unique_lua,
        "unused": PackageResources.unused_lua,
        "way_out": PackageResources.way_out_lua,
        "wide": PackageResources.wide_lua,
    ]

    package static var all: [String: String] {
        scripts.merging(includes) { script, _ in script }.mapValues { String(decoding: $0, as: UTF8.self) }
    }
}
