#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage: fuzz.sh BUILD FUZZERS SECONDS JOBS [FUZZER...]
#
# Run each fuzzer for so many seconds, so many at a time, from seeds that are real
# captures: BUILD/dupack runs the cases that make them.  What was found stays in
# FUZZERS/fuzz/corpus/NAME.crash-*, with the command that repeats it; the corpus stays too
# and is gone on with the next time.
set -eu

build=$1 fuzzers=$2 seconds=$3 jobs=$4
shift 4
work=$fuzzers/fuzz
# shellcheck disable=SC2046 # a list of words
[ $# -gt 0 ] || set -- $(cd "$work" && find . -maxdepth 1 -type f -name 'fuzz-*' -perm -u+x |
	sed 's|^\./||' | LC_ALL=C sort)

# Captures of healthy and of failing executions, of each carriage, cut to their beginnings
captures=$work/captures
if [ ! -d "$captures" ]; then
	rm -rf "$captures.new"
	for row in clean no-device one-loss remedy-1a-udp-one remedy-1b-esp-one remedy-2-tls-one; do
		"$build/dupack" case "cases/seed/$row.yaml" --out "$captures.new" >/dev/null
	done
	mv "$captures.new" "$captures"
fi
number=0
for name; do mkdir -p "$work/corpus/$name"; done
# and those of the tests, which have what no case makes: WireGuard, OpenVPN
for capture in $(find "$captures" -name 'middlebox-*.pcapng' -o -name 'client-*.pcapng' |
		LC_ALL=C sort) harness/tests/captures/*.pcap; do
	number=$((number + 1))
	for name; do
		case $name in
		fuzz-engine | fuzz-ctcp | fuzz-meaning) "$work/seeds" "seed-$number" "$capture" "$work/corpus/$name" ;;
		fuzz-case) ;;
		*) head -c 6000 "$capture" >"$work/corpus/$name/seed-$number" ;;
		esac
	done
done
if [ -d "$work/corpus/fuzz-case" ]; then
	for file in cases/*/*.yaml; do
		cp "$file" "$work/corpus/fuzz-case/seed-$(basename "$file")"
	done
fi

# shellcheck disable=SC2016 # it expands there
printf '%s\n' "$@" | xargs -P "$jobs" -I NAME sh -c '
	work=$1 name=$2 seconds=$3
	if "$work/$name" -max_total_time="$seconds" -max_len=20000 -timeout=20 -rss_limit_mb=2048 \
		-artifact_prefix="$work/corpus/$name." "$work/corpus/$name" >"$work/$name.log" 2>&1; then
		echo "ok   $name: $(grep -o "Done [0-9]* runs in [0-9]* second.*" "$work/$name.log")," \
			"$(grep -o "cov: [0-9]*" "$work/$name.log" | tail -n 1)"
	else
		echo "FOUND $name: see $work/$name.log; again: $work/$name $(sed -n \
			"s/.*Test unit written to //p" "$work/$name.log" | tail -n 1)"
		exit 1
	fi' sh "$work" NAME "$seconds"
