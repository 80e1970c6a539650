#!/bin/sh
# Installs the packages that Stint needs and that are missing. Does nothing, quickly, when all are there.
# usage: install-deps.sh [build|run|check|peers|faults]...   (default: build, run and check)
#   build  the compiler's needs      run  redis-server     check  the Lua tools, openssl for the TLS tests
#   peers  the job queues that Stint is compared with, and what those of PyPI need
#   faults what the fault matrix breaks things with; without it rows are skipped
set -eu

[ $# -gt 0 ] || set -- build run check

say() { echo "install-deps: $*" >&2; }

swift_version() {
    swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1
}

require_swift() {
    found=$(swift_version)
    major=${found%%.*}
    minor=${found#*.}
    if [ -n "$found" ] && { [ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -ge 2 ]; }; }; then return; fi
    say "Swift 6.2 or newer is needed${found:+, this is $found}. Get it from https://www.swift.org/install"
    exit 1
}

has_hiredis() {
    for prefix in /usr /usr/local /opt/homebrew; do
        if [ -e "$prefix/include/hiredis/hiredis.h" ]; then return 0; fi
    done
    return 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The packages that are missing, by their name on this platform: missing DEBIAN_NAME BREW_NAME
packages=""
missing() {
    case $(uname -s) in
    Darwin) packages="$packages $2" ;;
    *) packages="$packages $1" ;;
    esac
}

for group in "$@"; do
    case $group in
    build)
        require_swift
        has_hiredis || missing libhiredis-dev hiredis
        ;;
    run)
        has redis-server || has valkey-server || missing redis-server redis
        ;;
    check)
        has luac5.1 || has luac || missing lua5.1 lua
        has luacheck || missing lua-check luacheck
        has openssl || missing openssl openssl
        ;;
    peers)
        has python3 || missing python3 python3
        python3 -c 'import ensurepip, venv' 2>/dev/null || missing python3-venv python3
        has beanstalkd || missing beanstalkd beanstalkd
        # Homebrew has no Sidekiq: there it is skipped in the table.
        [ "$(uname -s)" = Darwin ] || has sidekiq || missing ruby-sidekiq ""
        ;;
    faults)
        # Firewalls and namespaces are Linux's: elsewhere, and for anybody but root, those rows are skipped.
        [ "$(uname -s)" = Linux ] && [ "$(id -u)" -eq 0 ] || continue
        has ip || missing iproute2 ""
        has iptables || missing iptables ""
        has cc || missing gcc ""
        ;;
    *)
        say "unknown group $group; there are build, run, check, peers and faults"
        exit 2
        ;;
    esac
done

[ -n "$packages" ] || exit 0

if [ "$(uname -s)" = Darwin ]; then
    if has brew; then
        # shellcheck disable=SC2086 # a list of packages
        exec brew install $packages
    fi
    say "missing:$packages. Install Homebrew (https://brew.sh), then: brew install$packages"
    exit 1
fi

if ! has apt-get; then
    say "missing, by their Debian names:$packages. Install what your distribution calls them, and try again"
    exit 1
fi

if [ "$(id -u)" -eq 0 ]; then
    root=""
elif has sudo; then
    root="sudo"
else
    say "missing:$packages. As root: apt-get update && apt-get install -y$packages"
    exit 1
fi

say "installing$packages"
$root apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2

# Debian starts a server for everybody when its package arrives. Nobody asked for that one: Stint starts its own.
# One that was there before is left alone.
for service in redis-server beanstalkd; do
    case " $packages " in
    *" $service "*)
        if [ -d /run/systemd/system ]; then
            $root systemctl stop "$service" || say "could not stop the $service service"
        elif has service; then
            $root service "$service" stop >&2 || say "could not stop the $service service"
        fi
        ;;
    esac
done
