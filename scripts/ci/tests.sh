#!/usr/bin/env bash
# Every test, with a JUnit report in target/nextest/ci/junit.xml.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/ci/tool.sh cargo-nextest
cargo nextest run --workspace --profile ci
# nextest leaves out the examples of the documentation.
cargo test --workspace --doc
