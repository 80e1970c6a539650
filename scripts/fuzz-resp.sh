#!/bin/sh
# Builds the fuzzer of the RESP reader with AddressSanitizer and UndefinedBehaviorSanitizer, and runs it.
#
#     scripts/fuzz-resp.sh [iterations] [seed]
#
# Defaults: 600000 iterations (some 20 seconds), seed 1. Exits non-zero when something is found. CC chooses the compiler.
set -eu
cd "$(dirname "$0")/.."

# The sanitizers' run-time libraries come with the compiler, and not with every one: the first that links wins.
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
echo 'int main(void) { return 0; }' > "$build/probe.c"
for cc in ${CC:-gcc clang cc} none; do
    if [ "$cc" = none ]; then
        echo "fuzz-resp: no compiler here can link -fsanitize=address,undefined" >&2
        exit 2
    fi
    if "$cc" -fsanitize=address,undefined "$build/probe.c" -o "$build/probe" 2> /dev/null && "$build/probe"; then break; fi
done

flags=
if command -v brew > /dev/null; then flags="-I$(brew --prefix)/include -L$(brew --prefix)/lib"; fi
# shellcheck disable=SC2086
"$cc" -std=c11 -g -O1 -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
    -ISources/CRESP/include Tests/Fuzz/cresp_fuzz.c Sources/CRESP/cresp.c $flags -lhiredis -o "$build/cresp_fuzz"
echo "fuzz-resp: built with $cc"
"$build/cresp_fuzz" "${1:-600000}" "${2:-1}"
