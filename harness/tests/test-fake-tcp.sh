#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The adapters of fake-TCP tunnels that one installs oneself: skipped without the program;
# with a stub in its place, what it is called with.  TAP.
#
# usage: test-fake-tcp.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

dupack=$(realpath "${DUPACK:-$repository/build/dupack}" 2>/dev/null) || dupack=
[ -x "$dupack" ] || skip_all "no binary '${DUPACK:-build/dupack}': run make"
world=$(mktemp -d)
trap 'rm -rf "$world"' EXIT
cd "$world" || exit 99

# --- without it ------------------------------------------------------------------------

for carrier in udp2raw phantun; do
	program=$carrier
	[ $carrier = udp2raw ] || program=phantun_client
	! command -v $program >/dev/null || continue
	"$dupack" check "$repository/targets/$carrier" >/dev/null 2>&1
	is $? 0 "$carrier: its target.yaml is valid"
	"$dupack" case "$repository/cases/b/b01-tunnel-up.yaml" --runtime host \
		--pair wireguard-go@$carrier --out "$world/$carrier" >out 2>err </dev/null
	is $? 0 "$carrier: without it nothing fails"
	grep -q 'namespace' out ||
		has out "^1..0 # SKIP target '$carrier' needs the program '$program', which this machine lacks" \
			"$carrier: it is skipped, with the reason"
done

# --- a stub in its place -----------------------------------------------------------------

mkdir bin
for program in udp2raw phantun_client phantun_server; do
	cat >bin/$program <<-'STUB'
	#!/bin/sh
	echo "${0##*/} $*" >"$DUPACK_STATE_DIR/called"
	echo 'it listens'
	exec sleep 1000
	STUB
done
cat >bin/nft <<'STUB'
#!/bin/sh
[ "$*" = '-f -' ] && cat >"$DUPACK_STATE_DIR/rules"
STUB
chmod +x bin/*
printf 0123456789abcdef >psk

# carry CARRIER ROLE LOCAL REMOTE: until it is ready; then SIGTERM
carry() {
	mkdir "$1-$2"
	mkfifo "$1-$2/ready"
	inside=
	[ "$1" = udp2raw ] || inside='unshare -n'
	# shellcheck disable=SC2086 # words
	$inside env -i PATH="$world/bin:$PATH" DUPACK_ROLE="$2" DUPACK_LOCAL="$3" DUPACK_REMOTE="$4" \
		DUPACK_STATE_DIR="$world/$1-$2" DUPACK_PSK_FILE="$world/psk" DUPACK_READY_FD=9 \
		"$repository/targets/$1/target" run 9>"$1-$2/ready" >"$1-$2/log" 2>&1 &
	run=$!
	read -r word <"$1-$2/ready"
	is "$word" READY "$1: $2: is ready"
	kill $run
	wait $run
	is $? 0 "$1: $2: SIGTERM ends it in order"
}

for carrier in udp2raw phantun; do
	# phantun's switches forwarding on: in a network of its own
	[ $carrier = udp2raw ] || unshare -n true 2>/dev/null || continue
	carry $carrier client 10.0.1.1 10.0.3.2
	carry $carrier headend 10.0.3.2 10.0.1.1
	has $carrier-client/rules 'ip daddr 10.0.3.2 udp dport 51820 dnat to 127.0.0.1:4000' \
		"$carrier: the VPN's packets are turned to it"
	! grep -q 51820 $carrier-headend/rules
	ok $? "$carrier: not on the head-end"
	if [ "$(id -u)" = 0 ] && command -v nft >/dev/null; then
		for role in client headend; do
			unshare -n nft -c -f - <$carrier-$role/rules
			ok $? "$carrier: $role: nft takes the rules"
		done
	fi
done
is "$(cat udp2raw-client/called)" \
	'udp2raw -c -l 127.0.0.1:4000 -r 10.0.3.2:4567 -k 0123456789abcdef --raw-mode faketcp --disable-color' \
	'udp2raw: client'
is "$(cat udp2raw-headend/called)" \
	'udp2raw -s -l 10.0.3.2:4567 -r 10.0.3.2:51820 -k 0123456789abcdef --raw-mode faketcp --disable-color' \
	'udp2raw: head-end'
[ ! -e phantun-client ] || is "$(cat phantun-client/called phantun-headend/called)" \
	"phantun_client --local 127.0.0.1:4000 --remote 10.0.3.2:4567
phantun_server --local 4567 --remote 10.0.3.2:51820" 'phantun: both'

done_testing
