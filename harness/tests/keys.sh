#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What targets give for decryption: tshark, which knows nothing of us, opens the tunnel
# and finds our probes in it.  It finds none without the keys, so it is they that open it.
# TAP.
#
# usage: keys.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool tshark editcap jq
need_binary
own_folder
mkdir "$dir/cases" "$dir/nothing"
cd "$dir/cases" || exit 99

cat >short.yaml <<-CASE
title: A few probes
requirement: They can be found again
clause: none
pairs: [openvpn@udp]
middleboxes: [router]
traffic:
  - echo: {interval: 100ms, duration: 2s}
expect:
  - {metric: echo.delivery, min: 100%}
CASE

# opened FILE PATTERN [FOLDER]: in how many frames tshark sees it, as data in hexadecimal or
# as a name in a certificate; FOLDER has the tables that a capture has no block for
opened() {
	WIRESHARK_CONFIG_DIR=${3:-$dir/nothing} tshark -r "$1" -o esp.enable_encryption_decode:TRUE \
		-T fields -e data.data -e x509sat.uTF8String -e x509sat.printableString 2>/dev/null |
		grep -c "$2"
}

frames() {
	tshark -r "$1" -T fields -e frame.number 2>/dev/null | wc -l
}

# opens PAIR PATTERN COUNT
opens() {
	"$binary" run short.yaml --pair "$1" --out "$dir/$1" >"$dir/log" 2>&1
	is $? 0 "$1: carries its probes"
	for folder in "$dir/$1"/*/router/short; do
		# Between client and head-end, where no kernel shows what it took out of the tunnel
		for file in internet-outside middlebox-inside; do
			is "$(opened "$folder/$file.pcapng" "$2" "$folder/keylog")" "$3" \
				"$1: tshark opens $file"
		done
		rm -f "$dir/closed.pcapng"
		editcap --discard-all-secrets "$folder/$file.pcapng" "$dir/closed.pcapng"
		is "$(frames "$dir/closed.pcapng")" "$(frames "$folder/$file.pcapng")" \
			"$1: the same frames without keys"
		is "$(opened "$dir/closed.pcapng" "$2")" 0 "$1: are closed"
	done
}

probe=64706b65	# its first bytes (observe/payload.h); 20 of them, and an answer to each
opens openconnect:ocserv@cstp $probe 40
opens openconnect:ocserv@dtls $probe 40
opens strongswan@esp $probe 40
opens strongswan@udp $probe 40
opens libreswan@esp $probe 40
opens vpnc:strongswan@udp $probe 40
# IKE: who one is, which only the encrypted part says (RFC 7296 section 3.5), of both ends
folder=$dir/strongswan@udp/strongswan@udp/router/short
is "$(WIRESHARK_CONFIG_DIR=$folder/keylog tshark -r "$folder/internet-outside.pcapng" -Y isakmp.id.type \
	-T fields -e isakmp.id.data.key_id -e isakmp.id.data.fqdn 2>/dev/null | tr -d '\t' | sort | tr '\n' ' ')" \
	'client,headend headend ' 'strongswan@udp: tshark opens IKE'
# The kernel's WireGuard gives nobody its ephemeral keys; those of one end are enough
opens wireguard-go@udp $probe 40
opens wireguard:wireguard-go@udp $probe 40
opens wireguard-go:wireguard@udp $probe 40
# tshark opens the control channel of OpenVPN, not its data: the certificate of the head-end
opens openvpn@udp headend 1
opens openvpn@tcp headend 1

# The same seed, the same keys, the same bytes
for pair in openvpn@udp wireguard-go@udp; do
	"$binary" run short.yaml --pair $pair --json --out "$dir/again-$pair" >"$dir/again.json" 2>/dev/null
	is "$(jq -r '.[0].digest' "$dir/again.json")" \
		"$(jq -r '.digest' "$dir/$pair/$pair/router/short/verdict.json")" \
		"$pair: captures with keys are the same for the same seed"
done

done_testing
