#!/bin/sh
# Everything that can be said about the code without running it. Goes through all checks, then fails if one did.
set -u
cd "$(dirname "$0")/.." || exit 1

failed=0
check() {
    name=$1
    shift
    if "$@"; then
        echo "ok    $name"
    else
        echo "FAIL  $name" >&2
        failed=1
    fi
}

# Succeeds when grep finds nothing; shows what it finds.
nowhere() {
    ! grep -nE "$@"
}

existing() {
    for path in "$@"; do
        if [ -e "$path" ]; then echo "$path"; fi
    done
}

luac=$(command -v luac5.1 || command -v luac || true)
lua=$(command -v lua5.1 || command -v lua || true)
code=$(existing Sources Lua Tests Faults examples)
swift_code=$(existing Package.swift Sources Tests Benchmarks Faults examples)
expanded=.build/lua
mkdir -p "$expanded"
rm -f "$expanded"/*.lua

swift_format() {
    # shellcheck disable=SC2086 # a list of paths
    swift format lint --strict --parallel --recursive $swift_code
}

lua_syntax() {
    "$luac" -p Lua/*.lua Lua/include/*.lua &&
        "$lua" scripts/expand-lua.lua "$expanded" Lua/*.lua &&
        "$luac" -p "$expanded"/*.lua
}

key_names() {
    find Sources -name '*.swift' ! -path Sources/StintStore/Keys.swift \
        -exec grep -nE '"[^"]*stint:[^ "]' /dev/null {} + | grep -vE '^[^:]*:[0-9]+: *//' >&2 && return 1
    return 0
}

no_sleeps() {
    [ ! -d Tests ] || nowhere -r --include='*.swift' \
        '(^|[^.[:alnum:]])(sleep|usleep|nanosleep)\(|(Task|Thread|ContinuousClock\(\)|SuspendingClock\(\))\.sleep' Tests >&2
}

no_promises() {
    # shellcheck disable=SC2086 # a list of paths
    nowhere -rwI '(TODO|FIXME)' $code >&2
}

short_files() {
    # shellcheck disable=SC2086 # a list of paths
    find $code -type f \( -name '*.swift' -o -name '*.lua' -o -name '*.c' -o -name '*.h' \) -exec wc -l {} + |
        awk '$2 != "total" && $1 > 400 { print $2 ": " $1 " lines, more than 400"; bad = 1 } END { exit bad }' >&2
}

strict_build() {
    STINT_STRICT=1 swift build --build-tests --quiet
}

check "swift format" swift_format
check "lua syntax, raw and with includes expanded" lua_syntax
check "luacheck" luacheck --quiet --codes "$expanded"
check "imports go upwards only" "$lua" scripts/check-layers.lua
check "key names only in StintStore/Keys.swift" key_names
check "no sleeps in tests" no_sleeps
check "no TODO, no FIXME" no_promises
check "no file over 400 lines" short_files
check "build without warnings" strict_build
exit "$failed"
