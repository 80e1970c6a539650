#!/bin/sh
# Builds and runs all tests. When something fails, the last lines of the output say what.
#
#     scripts/test.sh [option of swift test]...
#
# The whole output of the run stays in .build/test.log. SWIFT chooses the swift command.
set -u
cd "$(dirname "$0")/.." || exit 1

swift=${SWIFT:-swift} # may be several words
log=.build/test.log
STINT_STRICT=1
# Left alone, the runner starts all tests at once: with their servers and commands more than a hundred processes.
SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}
export STINT_STRICT SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH

# Warnings are errors here and in check.sh, in both or in none: the same flags share one build.
$swift build --build-tests || exit 1

# The status of a pipe is that of its last command, so the tests' goes around it.
rm -f "$log.status"
{
    $swift test --skip-build --disable-xctest "$@" < /dev/null 2>&1
    echo $? > "$log.status"
} | tee "$log"
status=$(cat "$log.status" 2> /dev/null || echo 1)
rm -f "$log.status"
if [ "$status" = 0 ]; then exit 0; fi

# Each issue with the lines that explain it, and each failed test; cut, because an expectation shows its values in full.
echo
echo "==== What failed (everything: $log) ===="
LC_ALL=C awk -v status="$status" '
    function tell(text) { print (length(text) > 400 ? substr(text, 1, 400) " [...]" : text) }
    # The quoted name of a test: up to the last quotation mark.
    function name(line) { return match(line, /".*"/) ? substr(line, RSTART, RLENGTH) : line }
    / recorded an issue/ { tell($0); explains = 4; next }
    explains > 0 && /^↳/ { tell($0); explains--; next }
    { explains = 0 }
    /^[^ ]+ Test "/ && / started\.$/ { running[name($0)] = 1 }
    /^[^ ]+ Test "/ && / (passed|failed) after / { delete running[name($0)] }
    /^[^ ]+ Test "/ && / failed after / { failed[++failures] = $0 }
    /^[^ ]+ Test run with / { end = $0 }
    /(^|: )([Ee]rror|Fatal error): / { errors[++faults] = $0 }
    END {
        for (i = 1; i <= failures; i++) tell(failed[i])
        if (end != "") { print end; exit }
        # The run ended in the middle: what it met, and the errors of the tools.
        for (one in running) if (++count <= 10) tell("not ended: " one)
        if (count > 10) print "not ended: " count - 10 " more"
        for (i = (faults > 5 ? faults - 4 : 1); i <= faults; i++) tell(errors[i])
        print "swift test ended with status " status " and without a result"
    }' "$log"
exit "$status"
