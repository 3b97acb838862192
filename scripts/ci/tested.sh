# shellcheck shell=bash
# To be sourced.

# `cargo test`, where every test binary must run something and every filter after `--` must be part of a test's name: a
# test that was renamed would otherwise pass by not being run.
tested() {
    local said filter
    said=$(cargo test "$@" | tee >(cat >&2))
    if grep -q "^running 0 tests" <<< "$said"; then
        echo "no test was run by a binary of: cargo test $*" >&2
        return 1
    fi
    while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
    for filter in "${@:2}"; do
        if ! grep -q "^test .*$filter" <<< "$said"; then
            echo "no test is called $filter" >&2
            return 1
        fi
    done
}
