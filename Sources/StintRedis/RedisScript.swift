/// A Lua script with the SHA-1 under which Redis caches it.
package struct RedisScript: Sendable {
    /// How errors name it.
    package let name: String
    package let source: String
    /// SHA-1 of `source`, 40 lower-case hexadecimal digits.
    package let sha1: String

    package init(name: String, source: String, sha1: String) {
        self.name = name
        self.source = source
        self.sha1 = sha1
    }
}
