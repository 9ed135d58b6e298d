#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every case of the catalogue can fail: for each there is a target that is wrong in just
# what the case is about, by an option, and the case says so; the same target without the option
# passes.  A case without such a target is an error, and so is a fault that no case catches.
# What it says is counted by tshark too, where tshark can.  A minute and a half.  TAP.
#
# usage: mutants.sh	(DUPACK: the binary; JOBS: cases at a time, by default 2)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq
need_binary
own_folder
cd "$repository" || exit 99

# The honest target of each case that is not mutants@udp
honest() { # CASE
	case $1 in
	t/t28-*) echo strongswan@ctcp,retransmit=on,iss=4294940000 ;;
	t/t3[68]-* | m/m09-*) echo strongswan@iketcp ;;
	t/*) echo strongswan@ctcp,retransmit=on ;;
	*) echo mutants@udp ;;
	esac
}

# case, what is put behind the honest pair (= stands for a whole pair), and what the case says
# of it: the metric of an expectation that does not hold
cat >"$dir/table" <<-TABLE
	k/k01-sa-init-req-lost		fault=never-retransmits		tunnel.up
	k/k01-sa-init-req-lost		fault=changes-request		messages.changed
	k/k02-sa-init-resp-lost		fault=second-sa			messages.changed
	k/k06-responder-silent		fault=answers-unasked		messages.repeated
	k/k07-backoff-exponential	fault=no-backoff		handshake.backoff
	k/k07-backoff-exponential	fault=gives-up			tunnel.up
	k/k32-liveness-lost-2		fault=deaf-to-liveness		handshake.requests
	w/w01-init-lost			fault=never-retransmits		tunnel.up
	w/w02-resp-lost			fault=gives-up			tunnel.up
	w/w04-rekey-120			fault=forgets-old-key		echo.max_gap
	b/b01-tunnel-up			fault=one-way			echo.delivery
	b/b02-closed-before		fault=up-unasked		before.answered
	b/b02-closed-before		fault=leaks-when-up		leak.frames
	b/b03-closed-during-outage	fault=leaks-when-down		leak.frames
	b/b05-bulk			fault=counter-ends		tcp.intact
	b/b06-idle-hour			fault=forgets-idle		idle.alive
	b/b07-long-rtt			fault=impatient			tunnel.up
	b/b08-many-flows		fault=few-flows			tcp.completion
	b/b04-clean-down		fault=leaves-address		down.restored
	b/b04-clean-down		fault=ignores-down		after.answered
	e/e01-replay-dup		fault=accepts-replay		inner.duplicates
	e/e03-window-min		fault=window-of-one		echo.delivery
	e/e06-bitflip			fault=accepts-damage		inner.damaged
	e/e08-rekey-under-load		fault=no-rekey			handshake.requests
	e/e08-rekey-under-load		fault=clear-after-rekey		leak.payload
	e/e09-old-sa-drain		fault=forgets-old-key		echo.delivery
	e/e10-loss-transparency		fault=sends-twice		echo.delivery
	f/f09-mtu-drop-midflow		fault=ignores-too-big		tcp.intact
	l/l01-blackout-2s		fault=hair-trigger		handshake.requests
	l/l03-blackout-past-dpd		fault=no-recovery		echo.alive
	l/l03-blackout-past-dpd		fault=leaks-when-down		leak.frames
	l/l07-head-end-crash		fault=no-recovery		echo.alive
	m/m09-coalesce			fault=one-a-read		echo.delivery
	n/n04-rebind-port		fault=no-roaming		echo.alive
	t/t06-data-lost-1		=strongswan@ctcp		carriage.retransmissions
	t/t06-data-lost-1		fault=other-bytes		carriage.changed
	t/t06-data-lost-1		fault=bad-checksum		carriage.bad_checksums
	t/t10-retransmission-lost	fault=no-backoff		carriage.backoff
	t/t25-window-respected		fault=ignores-window		carriage.beyond_window
	t/t28-seq-wrap			fault=stops-at-wrap		echo.alive
	t/t30-rst-in-window-blind	fault=believes-resets		echo.alive
	t/t36-connection-cut-resume	fault=no-reconnect		echo.alive
	t/t36-connection-cut-resume	fault=prefix-once		echo.alive
	t/t38-stream-resync		fault=forgets-partial		tunnel.up
TABLE

# Each row as CASE PAIR METRIC, and one with the metric `pass` for the honest pair of a case
while read -r id what metric; do
	good=$(honest "$id")
	case $what in
	=*) echo "$id ${what#=} $metric" ;;
	*) echo "$id $good,$what $metric" ;;
	esac
	echo "$id $good pass"
done <"$dir/table" | sort -u >"$dir/rows"

cut -d ' ' -f 1 "$dir/rows" | sort -u >"$dir/tested"
for file in cases/*/*.yaml; do
	series=${file#cases/}
	case ${series%/*} in
	lab | pairs | seed) ;; # the laboratory, and what is no single requirement
	*) echo "${series%.yaml}" ;;
	esac
done | sort >"$dir/cases"
is "$(comm -23 "$dir/cases" "$dir/tested")" '' 'every case of the catalogue has a target that fails it'
is "$(while read -r id; do [ -e "cases/$id.yaml" ] || echo "$id"; done <"$dir/tested")" '' \
	'every row has a case'
is "$(sed 's/.*fault=\([a-z-]*\).*/\1/; /[^a-z-]/d' "$dir/table" | sort -u |
	while read -r fault; do grep -q "$fault" targets/README.md || echo "$fault"; done)" '' \
	'every fault is in targets/README.md'

cut -d ' ' -f 2 "$dir/rows" | sed -n 's/^\([^@]*\)@\([^,]*\),.*fault=\(.*\)$/\1 \2 \3/p' |
	while read -r client carriage fault; do
		[ "$client" = mutants ] || client=$carriage
		echo "$client $fault"
	done | sort -u >"$dir/caught"
for target in mutants ctcp iketcp; do
	"${binary%/*}/targets/$target/carrier" --help |
		sed -n "s/^  fault=\([a-z-]*\): .*/$target \1/p" | grep -v '^[a-z]* NAME$\| none$'
done | sort >"$dir/faults"
is "$(comm -23 "$dir/faults" "$dir/caught")" '' 'every fault is caught by a case'
[ "$(wc -l <"$dir/faults")" -ge 20 ]
ok $? "$(wc -l <"$dir/faults") faults"

# One run for each case: all its pairs
run_case() { # CASE
	pairs=$(awk -v id="$1" '$1 == id { print "--pair " $2 }' "$dir/rows")
	# shellcheck disable=SC2086 # words
	"$binary" run "$1" $pairs --out "$dir/$1" >"$dir/log-${1##*/}" 2>&1
}
set --
while read -r id; do
	run_case "$id" &
	set -- "$@" $!
	[ $# -lt "${JOBS:-2}" ] || {
		wait "$1"
		shift
	}
done <"$dir/tested"
wait

# The verdict of a pair, and the metrics of what does not hold
verdict_of() { # CASE PAIR
	for file in "$dir/$1"/*/*/*/verdict.json; do
		[ "$(jq -r '.pair' "$file")" = "$2" ] || continue
		jq -r '"\(.verdict) \([.expectations[] | select(.ok | not) | .metric] | join(" "))"' "$file"
		return
	done
	echo "none; $(tail -n 1 "$dir/log-${1##*/}")"
}

while read -r id pair metric; do
	verdict=$(verdict_of "$id" "$pair")
	if [ "$metric" = pass ]; then
		is "$verdict" 'pass ' "$id passes $pair"
		continue
	fi
	case "$verdict " in # warn: a case of level S
	"fail $metric "* | 'fail '*" $metric "* | "warn $metric "*) ok 0 "$id fails $pair: $metric" ;;
	*)
		ok 1 "$id fails $pair: $metric"
		echo "# verdict: $verdict"
		;;
	esac
done <"$dir/rows"

# tshark_counts METRIC CASE PAIR FILTER FILE:ADDRESS...: the case says how many frames are
# in these captures, each from this address
tshark_counts() {
	metric=$1 id=$2 pair=$3 filter=$4
	shift 4
	for folder in "$dir/$id/$pair"/*/*; do
		count=0
		for end; do
			more=$(tshark -r "$folder/${end%:*}.pcapng" -o tcp.check_checksum:TRUE \
				-o udp.check_checksum:TRUE \
				-Y "($filter) && ip.src == ${end#*:}" 2>/dev/null | wc -l)
			count=$((count + more))
		done
		is "$(jq -r ".expectations[] | select(.metric == \"$metric\") | .actual" \
			"$folder/verdict.json")" "$count" "$id, $pair: $metric is what tshark counts"
	done
}

if command -v tshark >/dev/null; then
	tshark_counts handshake.requests k/k32-liveness-lost-2 mutants@udp,fault=deaf-to-liveness \
		'wg.type == 1' client-access:10.0.1.1
	tshark_counts handshake.requests e/e08-rekey-under-load mutants@udp \
		'wg.type == 1' client-access:10.0.1.1
	tshark_counts carriage.bad_checksums t/t06-data-lost-1 \
		strongswan@ctcp,retransmit=on,fault=bad-checksum \
		'tcp.checksum.status == Bad' client-access:10.0.1.1 headend-inside:10.0.3.2
	tshark_counts leak.payload e/e08-rekey-under-load mutants@udp,fault=clear-after-rekey \
		'frame contains 64:70:6b:65:00:00:00' client-access:10.0.1.1 headend-inside:10.0.3.2
	tshark_counts inner.damaged e/e06-bitflip mutants@udp,fault=accepts-damage \
		'udp.checksum.status == Bad' headend-lan:10.7.0.2
	tshark_counts leak.frames l/l03-blackout-past-dpd mutants@udp,fault=leaks-when-down \
		'ip' client-access:10.7.0.2
fi

done_testing
