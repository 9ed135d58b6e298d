#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The devices that are made of the kernel and of other programs.  Each option of each is
# seen on and off in a flow that differs by nothing else; what a device does to segments
# is asked of tshark, at both ends of the path.  And no case of the laboratory that is
# about such a device passes without it.  Two minutes.  TAP.
#
# usage: devices.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq tshark
need_binary
own_folder
mkdir "$dir/flow"
cd "$dir" || exit 99
runs=0

# flow NAME LINE...: a case without a tunnel
flow() {
	file=flow/$1.yaml
	shift
	printf '%s\n' 'title: a flow' 'requirement: none' 'clause: none' "pairs: ['null']" \
		'middleboxes: [router]' 'expect: [{metric: link.lan.up.lost, max: 0}]' "$@" >"$file"
}

# both FLOW ON OFF: run it over the two devices; their folders are $on and $off
both() {
	runs=$((runs + 1))
	"$binary" run "flow/$1.yaml" --middlebox "$2" --middlebox "$3" --out "$dir/$runs" \
		--jobs 2 >"$runs.out" 2>&1 </dev/null
	on=$dir/$runs/null/$2/$1
	off=$dir/$runs/null/$3/$1
	for folder in "$on" "$off"; do
		jq -e '.outcome == "complete"' "$folder/execution.json" >/dev/null 2>&1 || {
			ok 1 "$1 over $2 and $3"
			sed 's/^/# /' "$runs.out"
			return 1
		}
	done
}

# differ ON OFF FLOW METRIC WANT-ON WANT-OFF: conditions on the metric, "== 3"
differ() {
	both "$3" "$1" "$2" || return
	for side in on off; do
		eval "folder=\$$side"
		if [ $side = on ]; then
			device=$1 want=$5
		else
			device=$2 want=$6
		fi
		holds "$folder/verdict.json" ".metrics[\"$4\"] // 0 | . $want" "$device, $3: $4 $want"
		jq -r ".metrics[\"$4\"] // 0 | \"# $4 is \(.)\"" "$folder/verdict.json"
	done
}

# seen FOLDER CAPTURE FILTER FIELD: what tshark finds, each once, in one line
seen() {
	tshark -r "$1/$2.pcapng" -Y "$3" -T fields -e "$4" 2>/dev/null | sort -u | paste -s -d ' '
}

# --- connection tracking: conntrack, nat, synproxy ------------------------------------------

flow probe 'traffic: [{echo: {interval: 1s, duration: 1s, outer: yes}}]' 'idle: 10min'
flow probes 'traffic: [{echo: {interval: 1s, duration: 10s, outer: yes}}]' 'idle: 10min'
flow answered 'traffic: [{segments: {count: 5, ack: max, outer: yes}}]' 'idle: 10min'
flow unanswered 'traffic: [{segments: {count: 5, ack: none, outer: yes}}]' 'idle: 10min'
# shorter than what three retransmissions leave (max-retrans-timeout)
flow syns 'impair: [{link: inside, direction: down, engine: wire, loss: 100%}]' \
	'traffic: [{segments: {count: 1, outer: yes}}]' 'idle: 4min'
flow pauses 'traffic: [{segments: {count: 10, interval: 5s, ack: max, outer: yes}}]'
flow hole 'impair: [{link: outside, direction: up, engine: wire, drop: [11], count: payload}]' \
	'traffic: [{segments: {count: 300, ack: in-order, outer: yes}}]'
# the handshake's answer passes, and no ACK for seven seconds: retransmissions back off
flow backoff "impair: [{link: inside, direction: down, engine: wire, drop: [$(seq -s ', ' 2 19)]}]" \
	'traffic: [{tcp: {bytes: 10kB, timeout: 10s, outer: yes}}]'

left=middlebox.ct-connections
for device in conntrack nat synproxy; do
	differ "$device,udp-timeout=1h" "$device" probe $left '== 1' '== 0'
	differ "$device,udp-stream-timeout=1h" "$device" probes $left '== 1' '== 0'
	differ "$device,syn-sent-timeout=1h" "$device" syns $left '== 1' '== 0'
	differ "$device,tcp-timeout=1min" "$device" answered $left '== 0' '== 1'
	differ "$device,unacknowledged-timeout=1h" "$device" unanswered $left '== 1' '== 0'
done
for device in conntrack nat; do
	differ "$device,invalid=pass" "$device" hole middlebox.invalid-dropped '== 0' '== 197'
done
differ conntrack,mode=liberal conntrack hole middlebox.invalid '== 0' '== 197'
is "$(tshark -r "$off/client-access.pcapng" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
	-Y 'tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"' 2>/dev/null | wc -l)" 0 \
	'synthetic segments have true checksums'
is "$(seen "$off" client-access 'tcp.srcport == 7100' tcp.window_size_value)" 65535 \
	'and one window'
differ conntrack,max-retrans-timeout=1s conntrack backoff middlebox.new '> 1' '== 1'
differ nat,max-retrans-timeout=1s nat backoff middlebox.bindings '> 1' '== 1'
differ synproxy,max-retrans-timeout=1s synproxy backoff middlebox.cookie-invalid '> 0' '== 0'
for device in conntrack nat; do
	differ "$device,tcp-timeout=2s,loose=0" "$device,tcp-timeout=2s" pauses segments.received \
		'<= 2' '== 10'
done
differ synproxy,loose=1 synproxy answered middlebox.cookie-valid '== 0' '>= 1'

# --- nat -----------------------------------------------------------------------------------

flow echo 'traffic: [{echo: {interval: 1s, duration: 10s, outer: yes}}]'
flow late 'impair: [{link: inside, direction: down, engine: wire, delay: 3s}]' \
	'traffic: [{echo: {interval: 20s, duration: 1s, outer: yes}}]'

ports='udp.dstport == 7007'
differ nat,filtering=full-cone,udp-timeout=1s nat,udp-timeout=1s late echo.received '== 1' '== 0'
differ nat,unmapped=reject,udp-timeout=1s nat,udp-timeout=1s late middlebox.unmapped-dropped \
	'== 0' '== 1'
is "$(seen "$on" headend-inside 'icmp.type == 3 && icmp.code == 3' icmp.code)" 3 \
	'nat,unmapped=reject: the head-end is told so'
is "$(seen "$off" headend-inside icmp icmp.code)" '' 'nat: it is told nothing'
if both echo nat,filtering=symmetric nat; then
	client=$(seen "$off" client-access "$ports" udp.srcport)
	is "$(seen "$off" headend-inside "$ports" udp.srcport)" "$client" 'nat: the port is kept'
	is "$(seen "$off" headend-inside "$ports" ip.src)" 10.0.3.1 'nat: the address is the device'\''s'
	other=$(seen "$on" headend-inside "$ports" udp.srcport)
	[ -n "$other" ] && [ "$other" != "$client" ]
	ok $? "nat,filtering=symmetric: it is not: $other"
fi
differ nat,remap=port,remap-at=5500ms nat,remap=port,remap-at=1min echo middlebox.remaps '== 1' '== 0'
is "$(seen "$on" headend-inside "$ports" udp.srcport | wc -w)" 2 'nat,remap=port: the head-end saw two ports'
is "$(seen "$on" headend-inside "$ports" ip.src | wc -w)" 1 'nat,remap=port: of one address'
is "$(seen "$off" headend-inside "$ports" udp.srcport | wc -w)" 1 'nat,remap-at=1min: one port'
differ nat,remap=address,remap-at=500ms,remap-every=3s nat,remap=off echo middlebox.remaps \
	'== 3' '== 0'
is "$(seen "$on" headend-inside "$ports" ip.src | wc -w)" 4 'nat,remap=address: four addresses came'

# --- synproxy ------------------------------------------------------------------------------

flow tcp 'traffic: [{tcp: {bytes: 100kB, outer: yes}}]'
synack='tcp.flags.syn == 1 && tcp.flags.ack == 1'

# option ON OFF FIELD WANT-ON WANT-OFF: in the SYN-ACK that the client gets
option() {
	both tcp "$1" "$2" || return
	is "$(seen "$on" client-access "$synack" "$3")" "$4" "$1: $3"
	is "$(seen "$off" client-access "$synack" "$3")" "$5" "$2: $3"
	holds "$on/verdict.json" '.metrics["tcp.intact"] == "yes"' "$1: the transfer is whole"
}

option synproxy,mss=1000 synproxy tcp.options.mss_val 1000 1460
option synproxy,wscale=3 synproxy tcp.options.wscale.shift 3 7
# without timestamps a cookie has no room for the others
option synproxy,timestamp=off synproxy tcp.option_kind 2 2,4,8,1,3
option synproxy,sack=off synproxy tcp.options.sack_perm '' 0402

# --- relay, haproxy --------------------------------------------------------------------------

option relay,mss=700 relay tcp.options.mss_val 700 1460
is "$(seen "$on" headend-inside 'tcp.flags.syn == 1 && tcp.flags.ack == 0' tcp.options.mss_val)" \
	700 'relay,mss=700: the other half too'
for device in relay haproxy; do
	if both tcp "$device,port=keep" $device,port=free; then
		for side in on off; do
			eval "folder=\$$side"
			client=$(seen "$folder" client-access 'tcp.dstport == 7008' tcp.srcport)
			server=$(seen "$folder" headend-inside 'tcp.dstport == 7008' tcp.srcport)
			[ $side = off ] || is "$server" "$client" "$device,port=keep: the client's port"
			[ $side = on ] || { [ -n "$server" ] && [ "$server" != "$client" ]; }
			ok $? "$device: $side: $client at the client, $server at the server"
			is "$(seen "$folder" headend-inside 'tcp.dstport == 7008' ip.src)" 10.0.1.1 \
				"$device: the client's address"
		done
	fi
	if both pauses "$device,idle-timeout=2s" $device; then
		ends='tcp.srcport == 7009 && (tcp.flags.fin == 1 || tcp.flags.reset == 1)'
		[ -n "$(seen "$on" client-access "$ends" frame.number)" ]
		ok $? "$device,idle-timeout=2s: the connection is ended"
		is "$(seen "$off" client-access "$ends && frame.time_relative < 40" frame.number)" '' \
			"$device: it goes on"
	fi
done

# --- no case about a device passes without it ---------------------------------------------------

cases=$(cd "$repository/cases/lab" && ls conntrack-*.yaml nat-*.yaml relay-*.yaml synproxy-*.yaml)
# shellcheck disable=SC2046 # words
"$binary" run $(for case in $cases; do echo "lab/${case%.yaml}"; done) --middlebox router \
	--json --out "$dir/router" >router.json 2>router.err </dev/null
is "$(jq length router.json)" "$(echo "$cases" | wc -w)" 'all cases about a device ran without one'
holds router.json 'all(.[]; .verdict == "fail" or .verdict == "xfail" or .verdict == "inconclusive")' \
	'none of them passes'
jq -r '.[] | "# \(.case): \(.verdict): \(.reason)"' router.json | cut -c 1-200

done_testing
