#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The cTCP carrier in the eyes of others: tshark dissects what it sends,
# ike-scan talks to its head-end, and hand-made segments try to break it.
# TAP 13; needs root, network namespaces, TUN, tshark, ike-scan, tcpdump, python3.
#
# usage: ctcp-oracles.sh [CARRIER]	(or CARRIER in the environment)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"
# shellcheck source=harness/tests/carrier.inc
. "$repository/harness/tests/carrier.inc"

carrier=${1:-${CARRIER:-$repository/build/targets/ctcp/carrier}}
own_nodes ctcp tshark ike-scan tcpdump

in_client() { ip netns exec "$client" "$@"; }

shark() { tshark -r "$dir/all.pcap" "$@" 2>/dev/null; }

cat >"$dir/stack.py" <<'PYTHON'
"""The two ends' IPsec stacks, as far as a carrier can tell: IKE on UDP 500 and 4500, ESP."""
import os, socket, struct, sys
CLIENT, HEADEND = "10.88.1.1", "10.88.1.2"

def ike(n):
    """IKE_SA_INIT with one Vendor ID payload of n bytes"""
    body = struct.pack(">BBH", 0, 0, 4 + n) + bytes(n)
    return b"INITIATR" + bytes(8) + struct.pack(">BBBBII", 43, 0x20, 34, 8, 0, 28 + len(body)) + body

def esp(n, size):
    return b"\xc1\xc2\xc3\xc4" + struct.pack(">I", n) + b"x" * size

def sockets(address):
    out = []
    for port in 500, 4500:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, port)); s.settimeout(10); out.append(s)
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
    s.bind((address, 0)); s.settimeout(10)
    return out + [s]

MARKER = bytes(4)
SIZES = [8, 100, 1001, 1436 - 8]
if sys.argv[1] == "headend":
    u500, u4500, raw = sockets(HEADEND)
    print("READY", flush=True)
    data, peer = u500.recvfrom(2000); assert data == ike(200), data
    u500.sendto(data, peer)
    data, peer = u4500.recvfrom(2000); assert data == MARKER + ike(500), data
    u4500.sendto(data, peer)
    for i, size in enumerate(SIZES):                     # ESP over IP
        data = raw.recv(2000); assert data[20:] == esp(i, size), (i, data)
        raw.sendto(esp(i, size), (CLIENT, 0))
    # Before our first ESP the carrier could not know our form and gave the first one in both
    data = u4500.recv(2000); assert data == esp(0, SIZES[0]), data
    u4500.sendto(esp(99, 50), (CLIENT, 4500))
    data = u4500.recv(2000); assert data == esp(100, 60), data
    print("DONE", flush=True)
else:
    u500, u4500, raw = sockets(CLIENT)
    u500.sendto(ike(200), (HEADEND, 500)); assert u500.recv(2000) == ike(200)
    u4500.sendto(MARKER + ike(500), (HEADEND, 4500)); assert u4500.recv(2000) == MARKER + ike(500)
    for i, size in enumerate(SIZES):
        raw.sendto(esp(i, size), (HEADEND, 0))
        data = raw.recv(2000); assert data[20:] == esp(i, size), (i, data)
    data = raw.recv(2000); assert data[20:] == esp(99, 50), data    # our form: over IP
    u4500.sendto(b"\xff", (HEADEND, 4500))                          # NAT keepalive: stays here
    u4500.sendto(esp(100, 60), (HEADEND, 4500))
    print("DONE", flush=True)
PYTHON

cat >"$dir/wire.py" <<'PYTHON'
"""Segments by hand, from port 5555 of the client's node to the head-end."""
import socket, struct, sys
CLIENT, HEADEND = "10.88.1.1", "10.88.1.2"
SYN, RST, ACK = 2, 4, 16
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)); tap.settimeout(5)

def checksum(b):
    b += b"\0" * (len(b) % 2)
    n = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while n >> 16:
        n = (n >> 16) + (n & 0xffff)
    return ~n & 0xffff

def send(flags, seq, ack, payload=b"", spoil=0):
    tcp = struct.pack(">HHIIBBHHH", 5555, 10000, seq, ack, 0x50, flags, 65535, 0, 0) + payload
    pseudo = socket.inet_aton(CLIENT) + socket.inet_aton(HEADEND) + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp) ^ spoil) + tcp[18:]
    raw.setsockopt(socket.SOL_SOCKET, 36, 0xc7c9)    # SO_MARK: not into the carrier's TUN
    raw.sendto(tcp, (HEADEND, 0))

def answer():
    """(flags, seq, ack, ttl) of the next segment to our port"""
    while True:
        p = tap.recv(2000)
        if p[9] == 6 and struct.unpack(">H", p[22:24])[0] == 5555:
            seq, ack = struct.unpack(">II", p[24:32])
            return p[33], seq, ack, p[8]

if sys.argv[1] == "syn":
    send(SYN, 1000, 0)
    flags, _, _, ttl = answer()
    print("flags %d ttl %d" % (flags, ttl))
    sys.exit()

send(SYN, 1000, 0)
flags, iss, ack, ttl = answer()
assert flags == SYN | ACK and ack == 1001 and ttl == 240, (flags, ack, ttl)
seq, ack = 1001, iss + 1
send(ACK, seq, ack)
trailer = bytes(8) + b"!Eli" + bytes([0x10, 0x11, 1, 0])
good = struct.pack(">HHHH", 500, 500, 36, 0) + b"INITIATR" + bytes(8) + \
    struct.pack(">BBBBII", 0, 0x20, 34, 8, 0, 28) + trailer

def data(payload, spoil=0):
    global seq
    send(ACK, seq, ack, payload, spoil)
    seq += len(payload)

for n in range(41):                          # cut short at each length
    data(good[:n])
for n in range(8):                           # the trailer alone, or behind less than a header
    data(good[36 - n:])
data(good[:-8] + b"!eli" + good[-4:])        # wrong cookie
for p in range(256):                         # every wrong protocol byte
    if p not in (0x11, 0x32):
        data(good[:-3] + bytes([p]) + good[-2:])
data(good, spoil=1)                          # wrong checksum
send(RST, 0, 0)
print("SENT")
PYTHON

ip -n "$client" link add access type veth peer name inside netns "$headend"
for args in "$client access 10.88.1.1" "$headend inside 10.88.1.2"; do
	read -r ns dev address <<<"$args"
	ip -n "$ns" addr add "$address/24" dev "$dev"
	ip -n "$ns" link set lo up
	ip -n "$ns" link set "$dev" up
	# the strictest source validation that a distribution sets
	ip netns exec "$ns" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter'
done
# which takes an ARP request for spoofed when the way back is a TUN; behind a router there is none
mac() { ip -n "$1" -json link show "$2" | sed 's/.*"address":"\([^"]*\)".*/\1/'; }
ip -n "$client" neigh add 10.88.1.2 lladdr "$(mac "$headend" inside)" nud permanent dev access
ip -n "$headend" neigh add 10.88.1.1 lladdr "$(mac "$client" access)" nud permanent dev inside
rules_before=$(ip -n "$client" rule)

# 1. Both ways, captured, dissected
start "$headend" READY "$carrier" --role headend --local 10.88.1.2
headend_pid=$started
start "$client" READY "$carrier" --role client --local 10.88.1.1 --remote 10.88.1.2
client_pid=$started

mkfifo "$dir/listening"
ip netns exec "$headend" tcpdump -i inside -U --immediate-mode -w "$dir/all.pcap" 2>"$dir/listening" &
tcpdump_pid=$!
read -r -t 10 _ <"$dir/listening"
mkfifo "$dir/far"
exec 7<>"$dir/far"
ip netns exec "$headend" timeout 20 python3 "$dir/stack.py" headend >"$dir/far" 2>"$dir/far.log" &
read -r -t 10 -u 7 word
word=$(in_client timeout 20 python3 "$dir/stack.py" client 2>&1)
is "${word##*$'\n'}" DONE 'IKE on 500 and 4500, ESP bare and in UDP: the client got every answer'
read -r -t 10 -u 7 word
is "$word" DONE 'the head-end got every byte as sent' || sed 's/^/# /' "$dir/far.log"
kill -TERM $tcpdump_pid
wait $tcpdump_pid

payloads=$(shark -Y 'tcp.len > 0' -T fields -e tcp.payload)
is "$(wc -l <<<"$payloads")" 14 'every datagram is one segment'
is "$(shark -V -Y tcpencap | grep -c 'TCP Encapsulation of IPsec Packets')" 14 \
	'tshark dissects each as TCPENCAP'
is "$(shark -Y 'tcp.len > 0 && !tcpencap' | wc -l)" 0 'and none as something else'
is "$(shark -Y '_ws.malformed' | wc -l)" 0 'nothing is malformed'
# it knows IKE by the ports 500, not by the trailer: on 4500 it reads an SPI of 0x11941194
is "$(shark -Y isakmp | wc -l)" 2 'it finds the IKE messages on port 500'
is "$(shark -Y 'esp.spi == 0xc1c2c3c4' | wc -l)" 10 'it finds the ESP packets by their SPI'
is "$(grep -cE '^01f401f4.*0{8}[0-9a-f]{4}(4000|0000)21456c6910110100$' <<<"$payloads")" 2 \
	'IKE on 500: cookie, protocol 0x11'
is "$(grep -cE '^11941194.{8}0{8}.*21456c6910110100$' <<<"$payloads")" 2 \
	'IKE on 4500: with UDP header and marker, protocol 0x11'
is "$(grep -cE '^c1c2c3c4.*0{16}21456c6910320100$' <<<"$payloads")" 10 \
	'ESP: from the SPI on, cookie, protocol 0x32'
is "$(shark -Y 'tcp && (ip.ttl != 240 || ip.flags.df == 1 || ip.frag_offset != 0)' | wc -l)" 0 \
	'TTL 240, DF clear'
is "$(shark -Y 'tcp && (tcp.hdr_len != 20 || tcp.window_size_value != 65535)' | wc -l)" 0 \
	'no TCP options, window 65535'
is "$(shark -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
	-Y 'tcp.checksum.status != 1 || ip.checksum.status != 1' | wc -l)" 0 'checksums'
is "$(shark -Y 'tcp.flags.reset == 1' | wc -l)" 0 "the kernel's TCP sent no RST"
is "$(shark -Y 'tcp.analysis.retransmission || tcp.analysis.lost_segment' | wc -l)" 0 \
	'the sequence numbers are those of a TCP stream'
is "$(shark -Y 'udp && !tcp || ip.proto == 50 && !tcp' | wc -l)" 0 'nothing went beside it'
is "$(counter "$client" nat-keepalive)" 1 "the local stack's NAT keepalive stays here"

# 2. Segments by hand
is "$(in_client timeout 20 python3 "$dir/wire.py" junk)" SENT 'over 300 bad segments'
is "$(counter "$headend" truncated)" 23 'truncated: counted'
is "$(counter "$headend" no-cookie)" 26 'without the cookie: counted'
is "$(counter "$headend" bad-protocol)" 254 'wrong protocol byte: counted'
is "$(counter "$headend" bad-checksum)" 1 'wrong checksum: counted'
is "$(counter "$headend" datagrams-out)" 8 \
	'nothing of it reached the local stack'
is "$(in_client timeout 20 python3 "$dir/wire.py" syn)" 'flags 18 ttl 240' 'it still answers'

# 3. ike-scan, with a daemon behind the head-end
kill -TERM $client_pid
wait $client_pid
is $? 0 'SIGTERM ends the client'
is "$(ip -n "$client" rule)" "$rules_before" 'its routing rules are as they were'
python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$dir/ctcp-stats-client.json"
ok $? 'its statistics are JSON'
ip netns exec "$headend" timeout 30 python3 -c '
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.88.1.2", 500)); s.settimeout(20)
print("READY", flush=True)
q, peer = s.recvfrom(2000)
assert len(q) == struct.unpack(">I", q[24:28])[0], "longer than the message"
# informational: NO-PROPOSAL-CHOSEN (RFC 2408 section 3.14)
n = struct.pack(">BBHIBBH", 0, 0, 12, 1, 1, 0, 14)
s.sendto(q[:8] + b"RESPONDR" + struct.pack(">BBBBII", 11, 0x10, 5, 0, 0, 28 + len(n)) + n, peer)
print("ANSWERED", peer[1], flush=True)' >"$dir/far" 2>"$dir/far.log" &
read -r -t 10 -u 7 word
scan=$(in_client timeout 20 ike-scan --tcp=2 --dport=10000 --retry=1 --timeout=3000 10.88.1.2 2>&1)
read -r -t 10 -u 7 word
is "$word" 'ANSWERED 500' 'the daemon on port 500 got exactly the message'
[[ $scan == *'Notify message 14 (NO-PROPOSAL-CHOSEN)'* ]]
ok $? 'ike-scan --tcp=2 got its answer'
[[ $scan == *'1 returned notify'* ]] || printf '# %s\n' "${scan//$'\n'/$'\n'# }"

# 4. The counter-check: without the carrier the kernel does answer, and we would see it
kill -TERM $headend_pid
wait $headend_pid
is $? 0 'SIGTERM ends the head-end'
is "$(in_client timeout 20 python3 "$dir/wire.py" syn)" 'flags 20 ttl 64' \
	"then the kernel's RST is there"

done_testing
