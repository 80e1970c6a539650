func names() -> [UInt8] { PackageResources.claim_lua + PackageResources.foo_lua }
