#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The problem of Cisco document 113578, seen three times: by the verdict, by
# tshark in the capture, and by what changes when its cause is taken away.  And
# the other way round: no case passes that should not.  Half a minute.  TAP.
#
# usage: problem.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq
need_binary
own_folder
cd "$dir" || exit 99

# run NAME STATUS ARGUMENT...: the verdicts go to NAME.json
run() {
	name=$1
	status=$2
	shift 2
	"$binary" run "$@" --json --out "$dir/$name" >"$name.json" 2>"$name.err" </dev/null
	got=$?
	is $got "$status" "$name: exit status $status"
	[ $got = "$status" ] || sed 's/^/# /' "$name.err"
	jq -r '.[] | "# \(.case): \(.verdict): \(.reason)"' "$name.json" | cut -c 1-300
}

# --- the problem, by the verdict --------------------------------------------------------

finds() { # CASE RULE HOP
	holds problem.json "any(.[] | select(.case == \"$1\").findings[];
		.rule == \"$2\" and (.hop | test(\"$3\")) and (.clause | length > 0))" \
		"$1: finds $2 at $3, with its clause"
}

measures() { # CASE METRIC COMPARISON
	holds problem.json ".[] | select(.case == \"$1\").metrics[\"$2\"] | type == \"number\" and . $3" \
		"$1: $2 $3"
	echo "# $2 is $(jq ".[] | select(.case == \"$1\").metrics[\"$2\"]" problem.json)"
}

run problem 0 seed/one-loss seed/random-loss
finds one-loss hole-never-filled '^outside:up$'
finds one-loss duplicate-acks-unanswered '^outside:up$'
finds random-loss hole-never-filled '^outside:'
for case in one-loss random-loss; do
	holds problem.json ".[] | select(.case == \"$case\").verdict == \"xfail\"" "$case: is xfail"
	holds problem.json ".[] | select(.case == \"$case\").witness.happened" "$case: has its witness"
	finds $case device-queue-stuck '^middlebox$'
	measures $case carriage.retransmissions '== 0'
	measures $case carriage.duplicate_acks '> 3'
	measures $case middlebox.tcp-buffer-full '> 0'
	measures $case middlebox.tcp-buffer-timeout '> 0'
	measures $case echo.received '> 0'
	measures $case echo.died_at '> 0'
done
holds problem.json '.[] | select(.case == "one-loss").metrics["echo.died_at"] | . > 4 and . < 6' \
	'one-loss: it died when the fiftieth payload was lost, at 100 ms each'

# --- by an eye that is not ours -----------------------------------------------------------

capture=$(find problem -path '*/one-loss/client-access.pcapng')
shark() { # FILTER: how many frames it passes
	tshark -r "$capture" -Y "$1" 2>/dev/null | wc -l
}

if command -v tshark >/dev/null; then
	duplicates=$(shark 'tcp.analysis.duplicate_ack && tcp.srcport == 10000')
	[ "$duplicates" -ge 3 ]
	ok $? "tshark sees duplicate ACKs of the head-end: $duplicates"
	is "$(shark 'tcp.analysis.retransmission || tcp.analysis.fast_retransmission ||
		tcp.analysis.spurious_retransmission')" 0 'tshark sees no retransmission'
	payloads=$(shark 'tcp.port == 10000 && tcp.len > 0')
	[ "$payloads" -gt 100 ]
	ok $? "tshark sees segments with payload: $payloads"
	is "$(shark 'tcp.port == 10000 && tcp.len > 0 && tcpencap')" "$payloads" \
		'tshark dissects each of them as TCPENCAP'
	is "$(shark '_ws.malformed')" 0 'tshark sees nothing malformed'
else
	ok 0 'an eye that is not ours # SKIP no tshark'
fi

# --- mutants: the case tells a good target from a bad one, and a good path from a bad one ---

verdict() { # NAME VERDICT
	is "$(jq -r '.[0].verdict' "$1.json")" "$2" "$1: verdict $2"
}

loss='impair:\n  - {link: outside, direction: up, engine: wire, drop: [50], count: payload, arm: up}'

run retransmits 0 seed/one-loss --pair strongswan@ctcp,retransmit=on
verdict retransmits pass
holds retransmits.json '.[0].metrics["carriage.retransmissions"] >= 1' 'retransmits: and it did'

# A target without an excuse: what is xfail above is fail for whom has no deviation
sed "s/^traffic:/$loss\ntraffic:/" "$repository/cases/seed/clean.yaml" >clean-lossy.yaml
run lossy 1 clean-lossy.yaml
verdict lossy fail
holds lossy.json '.[0].metrics["loss.link"] == "outside:up"' 'lossy: names the link'

# The same case without its loss would pass: so it must not
sed 's/drop: \[50\]/drop: [1000000]/' "$repository/cases/seed/one-loss.yaml" >no-loss.yaml
run no-loss 1 no-loss.yaml
verdict no-loss inconclusive
holds no-loss.json '.[0] | (.reason | test("planned loss did not take place")) and
	(.expectations | all(.ok)) and .witness.happened == false' \
	'no-loss: says that the planned loss did not take place'

done_testing
