#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The RFC 9329 carrier in the eyes of others: two carriers between IPsec stacks made
# of sockets, over IPv4 and IPv6, whose stream tshark puts together; then each end
# alone against a peer in Python that breaks connections and sends what it should not.
# TAP 13; needs root, network namespaces, TUN, tshark, tcpdump, python3.
#
# usage: test-iketcp-oracles.sh [CARRIER]	(or DUPACK in the environment)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"
# shellcheck source=harness/tests/carrier.inc
. "$repository/harness/tests/carrier.inc"

dupack=${DUPACK:-$repository/build/dupack}
carrier=${1:-${dupack%/*}/targets/iketcp/carrier}
own_nodes iketcp tshark tcpdump text2pcap

ip link add name veth0 netns "$client" type veth peer name veth0 netns "$headend"
for end in "$client veth0 1" "$headend veth0 2"; do
	# shellcheck disable=SC2086 # three words
	set -- $end
	ip -n "$1" link set lo up
	ip netns exec "$1" sysctl -qw net.ipv6.conf."$2".accept_dad=0
	ip -n "$1" addr add 10.88.2."$3"/24 dev "$2"
	ip -n "$1" addr add fd88::"$3"/64 dev "$2" nodad
	ip -n "$1" link set "$2" up
done

cat >"$dir/lib.py" <<'PYTHON'
import os, socket, struct, sys
CLIENT, HEADEND = sys.argv[2], sys.argv[3]
FAMILY = socket.AF_INET6 if ":" in CLIENT else socket.AF_INET
MARKER = bytes(4)

def ready():
    os.write(int(os.environ["DUPACK_READY_FD"]), b"READY\n")

def ike(n):
    """IKE_SA_INIT with one Vendor ID payload of n bytes"""
    body = struct.pack(">BBH", 0, 0, 4 + n) + bytes(n)
    return b"INITIATR" + bytes(8) + struct.pack(">BBBBII", 43, 0x20, 34, 8, 0, 28 + len(body)) + body

def esp(n, size):
    return b"\xc1\xc2\xc3\xc4" + struct.pack(">I", n) + b"x" * size

def udp(address, port):
    s = socket.socket(FAMILY, socket.SOCK_DGRAM)
    s.bind((address, port)); s.settimeout(10)
    return s

def raw(address):
    s = socket.socket(FAMILY, socket.SOCK_RAW, 50)
    s.bind((address, 0)); s.settimeout(10)
    return s

def raw_data(s):
    data = s.recv(2000)
    return data[20:] if FAMILY == socket.AF_INET else data

def frame(data):
    return struct.pack(">H", len(data) + 2) + data

def exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more: raise EOFError(data)
        data += more
    return data

def message(s):
    return exactly(s, struct.unpack(">H", exactly(s, 2))[0] - 2)

def closed(s):
    """Does the other end close, by FIN or RST, and send nothing?"""
    try: return s.recv(100) == b""
    except ConnectionResetError: return True
PYTHON

cat >"$dir/stacks.py" <<'PYTHON'
"""The two ends' IPsec stacks, as far as a carrier can tell."""
from lib import *
SIZES = [8, 100, 1001, 1400]
if sys.argv[1] == "headend":
    u500, u4500, e = udp(HEADEND, 500), udp(HEADEND, 4500), raw(HEADEND)
    ready()
    data, peer = u4500.recvfrom(2000)             # the stream tells no ports: as behind a NAT
    assert data == MARKER + ike(200) and peer[:2] == (CLIENT, 4500), (data, peer)
    u4500.sendto(data, peer)
    data, peer = u4500.recvfrom(2000); assert data == MARKER + ike(500), data
    u4500.sendto(data, peer)
    for i, size in enumerate(SIZES):
        data, peer = u4500.recvfrom(2000); assert data == esp(i, size), (i, data)
        u4500.sendto(data, peer)
    data, peer = u4500.recvfrom(2000); assert data == esp(99, 60), data   # their form is not ours
    e.sendto(esp(100, 70), (CLIENT, 0))
    data = raw_data(e); assert data == esp(101, 80), data                 # now ours is bare
else:
    u500, u4500, e = udp(CLIENT, 500), udp(CLIENT, 4500), raw(CLIENT)
    u500.sendto(ike(200), (HEADEND, 500)); assert u500.recv(2000) == ike(200)
    u4500.sendto(MARKER + ike(500), (HEADEND, 4500)); assert u4500.recv(2000) == MARKER + ike(500)
    for i, size in enumerate(SIZES):
        u4500.sendto(esp(i, size), (HEADEND, 4500)); assert u4500.recv(2000) == esp(i, size)
    u4500.sendto(b"\xff", (HEADEND, 4500))                                # stays here
    e.sendto(esp(99, 60), (HEADEND, 0))
    data = raw_data(e); assert data == esp(100, 70), data
    e.sendto(esp(101, 80), (HEADEND, 0))
print("DONE", flush=True)
PYTHON

cat >"$dir/server.py" <<'PYTHON'
"""A head-end without a carrier, and the stack of the client beside its carrier."""
from lib import *
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
if sys.argv[1] == "headend":
    listener = socket.create_server((HEADEND, 4500), family=FAMILY)
    listener.settimeout(10)
    ready()
    for end in reset, lambda s: s.close(), lambda s: None:
        s, _ = listener.accept(); s.settimeout(10)
        assert exactly(s, 6) == b"IKETCP"                       # on each connection, once
        assert message(s) == MARKER + ike(100)
        for byte in frame(MARKER + ike(300)) + frame(b"\xff") + frame(b"abc") + frame(esp(1, 9)):
            s.send(bytes([byte]))
        while (data := message(s)) != esp(2, 20):
            assert data == MARKER + ike(100), data              # sent again before it was answered
        end(s)
    s.send(struct.pack(">H", 1))
    assert closed(s)
    s, _ = listener.accept(); s.settimeout(10)                  # also after such a thing
    assert exactly(s, 6) == b"IKETCP"
else:
    u = udp(CLIENT, 4500)
    for i in range(3):
        u.settimeout(0.3)
        for tries in range(30):                                 # as IKE does
            u.sendto(MARKER + ike(100), (HEADEND, 4500))
            try: data = u.recv(2000); break
            except TimeoutError: pass
        u.settimeout(10)
        assert data == MARKER + ike(300)
        assert u.recv(2000) == esp(1, 9)
        u.sendto(esp(2, 20), (HEADEND, 4500))
print("DONE", flush=True)
PYTHON

cat >"$dir/peer.py" <<'PYTHON'
"""A client without a carrier, and the stack of the head-end beside its carrier."""
from lib import *
def connect():
    s = socket.create_connection((HEADEND, 4500), 10); s.settimeout(10)
    return s
if sys.argv[1] == "headend":
    u = udp(HEADEND, 4500)
    ready()
    while True:
        data, peer = u.recvfrom(2000)
        if data == esp(0, 7): break
        u.sendto(data, peer)
else:
    for bad in b"GET / HTTP/1.1\r\n", b"IKETCp", b"IKETCP\0\0", b"IKETCP\0\1":
        s = connect(); s.send(bad); assert closed(s), bad
    first = connect()
    for byte in b"IKETCP" + frame(MARKER + ike(50)): first.send(bytes([byte]))
    assert message(first) == MARKER + ike(50)                   # no prefix this way
    silent = connect()                                          # who says nothing takes nothing over
    first.send(frame(MARKER + ike(51))); assert message(first) == MARKER + ike(51)
    second = connect(); second.send(b"IKETCP" + frame(esp(5, 300)))
    assert message(second) == esp(5, 300)
    assert closed(first)                                        # replaced
    second.send(b"".join(frame(esp(i, 400)) for i in range(1, 100)))
    for i in range(1, 100): assert message(second) == esp(i, 400), i
    second.send(frame(esp(0, 7)))
print("DONE", flush=True)
PYTHON

# both SCRIPT CLIENT HEADEND: the script as head-end and as client
both() {
	local script=$1 far near
	: >"$dir/$headend.out"
	start "$headend" READY timeout 40 python3 "$dir/$script" headend "$2" "$3"
	far=$started
	near=$(ip netns exec "$client" timeout 40 python3 "$dir/$script" client "$2" "$3" 2>&1)
	is "$near" DONE "$script, the client's side, $2"
	wait "$far"
	is "$(cat "$dir/$headend.out")" DONE "$script, the head-end's side, $3"
}

for pair in '10.88.2.1 10.88.2.2' 'fd88::1 fd88::2'; do
	# shellcheck disable=SC2086 # two words
	set -- $pair
	ip netns exec "$client" tcpdump -i veth0 --immediate-mode -U -s 0 -w "$dir/all.pcap" tcp port 4500 \
		2>"$dir/tcpdump.log" &
	dump=$!
	until grep -q 'listening on' "$dir/tcpdump.log"; do kill -0 $dump || break; done

	start "$headend" READY "$carrier" --role headend --local "$2"
	far=$started
	start "$client" READY "$carrier" --role client --local "$1" --remote "$2"
	near=$started
	both stacks.py "$1" "$2"
	is "$(counter "$client" nat-keepalive)" 1 'the NAT keepalive stayed here'
	kill -TERM $near && wait $near
	ok $? 'SIGTERM ends the client in order'
	kill -TERM $far && wait $far
	ok $? 'and the head-end'
	is "$(ip -n "$client" rule | grep -cE '^(40|50):'; ip -n "$client" -6 rule | grep -cE '^(40|50):')" \
		"0
0" 'no rule is left'

	# tshark puts the stream together; a few lines take it apart; tshark dissects what was in it
	kill -TERM $dump
	wait $dump
	tshark -r "$dir/all.pcap" -q -z follow,tcp,raw,0 2>/dev/null >"$dir/follow"
	python3 - "$dir" <<'PYTHON'
import re, struct, sys
ways = [b"", b""]
for line in open(sys.argv[1] + "/follow"):
    if re.fullmatch(r"\t?([0-9a-f]{2})+\n", line):
        ways[line[0] == "\t"] += bytes.fromhex(line.strip())
assert ways[0].startswith(b"IKETCP")
ways[0] = ways[0][6:]
assert b"IKETCP" not in ways[0] + ways[1]
out = open(sys.argv[1] + "/hex", "w")
for way in ways:
    while way:
        n = struct.unpack(">H", way[:2])[0]
        assert 2 < n <= len(way), (n, len(way))
        print("000000", way[2:n].hex(" "), file=out)
        way = way[n:]
PYTHON
	ok $? 'the stream is prefix and messages, whole, to its last byte'
	text2pcap -q -u 4500,4500 "$dir/hex" "$dir/udp.pcap" 2>/dev/null
	is "$(tshark -r "$dir/udp.pcap" -T fields -e isakmp.exchangetype -e esp.sequence 2>/dev/null |
		tr -s '\t\n' ' ')" '34 34 0 1 2 3 99 101 34 34 0 1 2 3 100 ' \
		'tshark sees the messages of both stacks'

	start "$client" READY "$carrier" --role client --local "$1" --remote "$2"
	near=$started
	both server.py "$1" "$2"
	is "$(counter "$client" keepalive) $(counter "$client" runt) $(counter "$client" bad-length)" \
		'3 3 1' 'the client dropped keepalives and runts, and left at a bad length'
	kill -TERM $near && wait $near

	start "$headend" READY "$carrier" --role headend --local "$2"
	far=$started
	both peer.py "$1" "$2"
	is "$(counter "$headend" bad-prefix) $(counter "$headend" bad-length) $(counter "$headend" replaced)" \
		'2 2 1' 'the head-end counted what was wrong'
	kill -TERM $far && wait $far
done

echo "1..$tests"
[ "$failed" = 0 ]
