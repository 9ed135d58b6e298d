#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: bench.sh BUILD
#
# What things cost, as medians, each beside its bound or beside a peer that is measured in
# the same run.  Not a test: figures are of this machine, and want it to be idle.
set -eu
cd "$(dirname "$0")/../.."
build=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# The median wall time of an execution, of five: CASE NAME BOUND
execution() {
	for seed in 1 2 3 4 5; do
		"$build/dupack" run "$1" --seed $seed --jobs 1 --json --out "$out/$seed-${1##*/}" \
			2>/dev/null
	done | jq -s 'map(.[0].wall_s) | sort | .[2]' >"$out/figure"
	printf '%-52s %8.2f s    (bound: %s)\n' "$2" "$(cat "$out/figure")" "$3"
}

echo "$(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
kernel=$(sh harness/guest/kernel.sh)
root=$(sh harness/guest/image.sh null)
"$build/bench/guest" "$kernel" "$root"
execution seed/one-loss 'a lossy strongSwan case with captures' '3 s'
execution seed/random-loss 'the same with random loss, two minutes' '3 s'
execution harness/bench/cases/short.yaml 'a strongSwan case with five probes' 'none'
execution harness/bench/cases/idle.yaml 'the same and ten idle minutes' '2 s more'
begun=$(date +%s.%N)
"$build/dupack" run seed --out "$out/seed" >/dev/null 2>&1 || :
echo "$begun $(date +%s.%N)" |
	awk '{ printf "%-52s %8.2f s    (bound: 60 s)\n", "make demo, all cached, without the build", $2 - $1 }'
"$build/bench/topology"
"$build/bench/engine"
"$build/bench/throughput"
