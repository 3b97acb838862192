# shellcheck shell=bash
# To be sourced.

# Says what is left out for want of something on this machine, and why. In CI, whose jobs install what they need, this
# fails: a job that tests nothing must not be green.
skip() {
    echo "$*" >&2
    [ -z "${CI:-}" ] || exit 1
}
