#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Timelines, seen by an eye that is not ours: when frames were lost, what routers said,
# who sent from which address.  The same seed gives the same digest with a timeline too,
# and what was planned and did not take place is inconclusive.  A quarter of a minute.  TAP.
#
# usage: timeline.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq tshark
need_binary
own_folder
cd "$dir" || exit 99

# run NAME STATUS CASE...: the verdicts go to NAME.json
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

capture() { # NAME CASE END
	find "$1" -path "*/$2/$3.pcapng"
}

begun() { # NAME CASE: when its timeline began, in seconds since 1970
	jq -r '.times.armed / 1e9' "$(find "$1" -path "*/$2/execution.json")"
}

# seconds NAME CASE END FILTER: whole seconds since the begin in which such frames are
seconds() {
	tshark -r "$(capture "$1" "$2" "$3")" -Y "$4" -T fields -e frame.time_epoch 2>/dev/null |
		awk -v zero="$(begun "$1" "$2")" '{ n[int($1 - zero)] = 1 }
			END { for (s = 0; s < 100; s++) if (s in n) printf "%s%d", c++ ? " " : "", s }'
}

cases=$repository/cases/lab
set -- "$cases/every-wire.yaml" "$cases/every-netem.yaml" "$cases/down-up-wire.yaml" \
	"$cases/down-up-netem.yaml" "$cases/mtu-wire.yaml" "$cases/mtu-netem.yaml" \
	"$cases/mtu-ipv6.yaml" "$cases/renumber-ipv4.yaml" "$cases/renumber-ipv6.yaml" \
	"$cases/window-wire.yaml" "$cases/window-netem.yaml"
run first 0 "$@"
run second 0 "$@"
for case in "$@"; do
	id=$(basename "$case" .yaml)
	a=$(jq -r --arg id "$id" '.[] | select(.case == $id).digest' first.json)
	b=$(jq -r --arg id "$id" '.[] | select(.case == $id).digest' second.json)
	[ ${#a} = 64 ] && [ "$a" = "$b" ]
	ok $? "$id: twice the same digest"
done

# --- when frames came through, second by second ---------------------------------------------

for engine in wire netem; do
	is "$(seconds first every-$engine middlebox-outside 'udp.dstport == 7007')" \
		"$(seq -s ' ' 0 9) $(seq -s ' ' 11 19) $(seq -s ' ' 21 29) $(seq -s ' ' 31 39) $(
			seq -s ' ' 41 44)" "every-$engine: nothing came up in seconds 10, 20, 30 and 40"
	is "$(seconds first down-up-$engine middlebox-outside 'udp.dstport == 7007')" \
		"0 1 2 3 4 $(seq -s ' ' 7 14)" "down-up-$engine: nothing came up in seconds 5 and 6"
	is "$(seconds first down-up-$engine headend-inside 'not udp.port == 7007')" '' \
		"down-up-$engine: the kernel said nothing of its own"
	is "$(seconds first mtu-$engine internet-outside 'tcp && frame.len > 1294')" 0 \
		"mtu-$engine: no frame above 1280 bytes left after the first second"
	n=$(tshark -r "$(capture first mtu-$engine client-access)" \
		-Y 'icmp.type == 3 && icmp.code == 4 && icmp.mtu == 1280' 2>/dev/null | wc -l)
	[ "$n" -ge 1 ]
	ok $? "mtu-$engine: the router said 1280 to the client: $n"
	holds first.json ".[] | select(.case == \"mtu-$engine\").metrics[\"path.too_big\"] == $n" \
		"mtu-$engine: the metric says so too"
	is "$(tshark -r "$(capture first mtu-$engine internet-outside)" -Y icmp 2>/dev/null | wc -l)" \
		0 "mtu-$engine: nothing was said behind the router"
done
n=$(tshark -r "$(capture first mtu-ipv6 client-access)" -Y 'icmpv6.type == 2 && icmpv6.mtu == 1280' \
	2>/dev/null | wc -l)
[ "$n" -ge 1 ]
ok $? "mtu-ipv6: the router said Packet Too Big, 1280: $n"

for id in renumber-ipv4:ip.src:10.0.1. renumber-ipv6:ipv6.src:2001:db8:1::; do
	case=${id%%:*}
	rest=${id#*:}
	field=${rest%%:*}
	net=${rest#*:}
	is "$(tshark -r "$(capture first "$case" client-access)" -Y 'udp.dstport == 7007' \
		-T fields -e "$field" 2>/dev/null | uniq -c | awk '{ printf "%s%s %s", c++ ? ", " : "", $1, $2 }')" \
		"50 ${net}1, 50 ${net}101, 50 ${net}102, 50 ${net}103" "$case: from one address after the other"
	is "$(tshark -r "$(capture first "$case" client-access)" -Y 'not udp.port == 7007' 2>/dev/null | wc -l)" \
		0 "$case: nobody asked for anything"
done

# --- what did not take place -------------------------------------------------------------------

head_of() { # LINES OF A TIMELINE
	printf '%s\n' 'title: Too late' 'requirement: It is not reached' 'clause: none' 'pairs: ["null"]' \
		'middleboxes: [router]' 'traffic: [{tcp: {bytes: 100kB, outer: yes}}]' \
		'expect: [{metric: tcp.intact, is: yes}]' 'timeline:' "$@"
}

head_of '  - {at: 60s, for: 1s, link: outside, do: block}' >late-block.yaml
head_of '  - {at: 60s, for: 1s, link: outside, do: down}' >late-down.yaml
head_of '  - {at: 60s, link: outside, mtu: 1300}' >late-mtu.yaml
head_of '  - {at: 60s, node: client, do: renumber}' >late-renumber.yaml
head_of '  - {from: 60s, to: 70s, link: lan, corrupt: 100%}' >late-corrupt.yaml
run late 1 late-block.yaml late-down.yaml late-mtu.yaml late-renumber.yaml late-corrupt.yaml
for what in block down 'mtu 1300' renumber corrupt; do
	holds late.json "any(.[]; .case == \"late-${what% *}\" and .verdict == \"inconclusive\" and
		(.reason | test(\"the planned $what .*60s.* did not take place\")) and
		(.expectations | all(.ok)) and .witness.happened == false)" \
		"late-${what% *}: inconclusive, though all expectations hold"
done

done_testing
