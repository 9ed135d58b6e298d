#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The contract for strangers: a target made only from what targets/README.md says, in a
# folder of its own, passes the probe and the baseline; capabilities decide what is run.
# About 20 s.  TAP.
#
# usage: contract.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq
need_binary
dupack=$binary
world=$(mktemp -d)
: >"$world/start"
trap 'find "$repository/results" -maxdepth 1 -name "probe-*" -newer "$world/start" -exec rm -rf {} +; rm -rf "$world"' EXIT
cd "$world" || exit 99

call() { # STATUS NAME ARGUMENT...: what is said goes to the files out and err
	status=$1
	name=$2
	shift 2
	"$dupack" "$@" >out 2>err </dev/null
	is $? "$status" "$name: exit status $status"
	[ "$status" = 0 ] || sed 's/^/# /' err | head -n 5
}

# verdict FOLDER CASE KIND
verdict() {
	is "$(jq -r .verdict "$1/$2/verdict.json" 2>&1)" "$3" "$2: $3"
}

# --- what is private ------------------------------------------------------------------------

# Both ends write to the folders of their name, and the client says what it sees there
home=$world/home
mkdir -p "$home/harness" "$home/build"
cp -r "$repository/harness/guest" "$home/harness/"
cp -r "$repository/cases" "$repository/targets" "$home/"
cp -r "$binary" "${binary%/*}/shim.so" "${binary%/*}/targets" "$home/build/"
sed -i '1a\
case ${1-} in\
run) : >"/etc/example/$DUPACK_ROLE"; : >"/var/lib/example/$DUPACK_ROLE" ;;\
status) echo "sees" $(ls /etc/example /var/lib/example) >&2 ;;\
esac' "$home/targets/example/target"
(cd "$home" && build/dupack run b/b01-tunnel-up --pair example@tls --out "$home/run" >/dev/null 2>&1)
verdict "$home/run" example@tls/router/b01-tunnel-up pass
is "$(grep -h '^sees' "$home/run/example@tls/router/b01-tunnel-up/log/client-status.log")" \
	'sees /etc/example: client /var/lib/example: client' '/etc/NAME and /var/lib/NAME are its own'

# --- what the environment says reaches the daemon ------------------------------------------

# Four requests are lost, so the fifth is 1 + 2 + 4 + 8 s later; by itself strongSwan waits longer
timers=$world/timers
call 0 'timers' run k/k07-backoff-exponential --pair strongswan@udp,timers=1/2/6 \
	--pair strongswan@udp --out "$timers"
for pair in strongswan@udp,timers=1/2/6:15 strongswan@udp:47; do
	verdict=
	for file in "$timers"/*/router/*/verdict.json; do
		[ "$(jq -r .pair "$file")" != "${pair%:*}" ] || verdict=$file
	done
	is "$(jq -r '.metrics["tunnel.up_time"] | floor' "$verdict")" "${pair##*:}" "$pair s until it is up"
	[ -z "$(command -v tshark)" ] ||
		is "$(tshark -r "${verdict%/*}/client-access.pcapng" -T fields -e frame.time_relative \
			-Y 'isakmp.exchangetype == 34 && ip.src == 10.0.1.1' 2>/dev/null |
			tail -n 1 | cut -d . -f 1)" "${pair##*:}" '... as tshark sees it'
done

# --- the example -------------------------------------------------------------------------

example=$repository/targets/example
lines=$(wc -l <"$example/target")
[ "$lines" -le 60 ]
ok $? "the example has at most 60 lines of shell: $lines"
is "$(find "$example" -type f | wc -l)" 2 'and is two files'

# Elsewhere, under a name of its own: nothing in dupack knows it
mkdir targets
cp -r "$example" targets/stranger
sed -i 's/^name: .*/name: stranger/' targets/stranger/target.yaml
call 0 'a stranger' check --probe targets/stranger
has out '^targets/stranger: conforms as client$' 'it conforms as client'
has out '^targets/stranger: conforms as headend$' 'and as head-end'

call 0 'baseline' run b/b01-tunnel-up b/b02-closed-before b/b04-clean-down b/b05-bulk \
	pairs/up-ipv6 --pair example@tls --probe --out "$world/run"
for case in b01-tunnel-up b02-closed-before b04-clean-down b05-bulk; do
	verdict run "example@tls/router/$case" pass
done
verdict run example@tls/router/up-ipv6 unsupported
is "$(jq -r .reason run/example@tls/router/up-ipv6/verdict.json)" \
	"the case needs 'ipv6', which target 'example' does not declare" 'and why'

# --- a stranger that is wrong ----------------------------------------------------------------

sed -i 's/^status) echo .*/status) echo it is up ;;/' targets/stranger/target
call 99 'a wrong status' check --probe targets/stranger
has out "does not conform as client: target 'stranger', verb 'status': printed no JSON object but 'it is up'" \
	'says what was wrong'
sed -i 's/^caps: .*/caps: [telepathy]/' targets/stranger/target.yaml
call 2 'an unknown capability' check --probe targets/stranger
has err "target.yaml:[0-9]+:[0-9]+: no capability 'telepathy': there are: ipv6, " 'lists them'

done_testing
