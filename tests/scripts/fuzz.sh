#!/bin/bash
# Fuzzes every parser of outside bytes for so many seconds each (default 60), guided by coverage: libFuzzer on the
# stable toolchain, with the coverage that LLVM writes in by itself. What it finds on its way stays in target/fuzz/
# for the next run. An input that crashes a parser is left there too and makes the run fail: mend the parser and put
# the input into tests/fuzz/corpus, which `make check` replays.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
command -v g++ >/dev/null || { echo "cannot build libFuzzer: there is no g++; run: apt-get install g++" >&2; exit 1; }

target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS='-Cpasses=sancov-module -Ccodegen-units=1 --cfg fuzzing
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
RUSTFLAGS=${RUSTFLAGS//$'\n'/ }
# A target named on purpose: build scripts and macros are then built without these flags.
cargo build -q --release --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz/build --target "$target"
program=$PWD/target/fuzz/build/$target/release/claviger-fuzz

failed=0
for corpus in tests/fuzz/corpus/*/; do
    name=$(basename "$corpus")
    work=target/fuzz/$name
    mkdir -p "$work"
    printf '%-20s ' "$name"
    if CLAVIGER_FUZZ_TARGET=$name "$program" "$work" "$corpus" -max_total_time="$seconds" -max_len=65536 \
        -timeout=10 -artifact_prefix="target/fuzz/$name-" -print_final_stats=1 >"$work.log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work.log")
        cover=$(grep -o 'cov: [0-9]*' "$work.log" | tail -n 1)
        echo "ok: $runs runs, $cover"
    else
        failed=1
        echo "FAILED: see $work.log"
        grep -E 'panicked at|Test unit written|ERROR' "$work.log" | head -5
    fi
done
exit $failed
