#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The tests of the impairments that need netem, or a time that is exact, run where both
# are: in the guest, as the client of a pair.
#
#   test-netem		what the kernel is told, and what it counts
#   test-netem-exact	its netem predicted frame by frame, 20 seeds of 2,000 frames a model
#   test-fidelity	both engines against the laws of their models, and side by side
#   test-offloads	offloads that are left on are refused, and seen
#
# A minute or two.  TAP, with what was measured.
#
# usage: fidelity.sh	(DUPACK: the binary, beside which are the tests)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_binary
built=${binary%/*}
pids=
leave() {
	# shellcheck disable=SC2086 # words
	[ -z "$pids" ] || kill $pids 2>/dev/null
}
own_folder

# start NAME: run a test there, in a source tree whose target 'null' runs it as it comes up
start() {
	tree=$dir/$1
	mkdir -p "$tree/build" "$tree/harness" "$tree/targets" "$tree/cases/unit"
	cp "$binary" "$built/shim.so" "$tree/build/"
	ln -s "$repository/harness/guest" "$tree/harness/guest"
	cp -r "$repository/targets/null" "$tree/targets/"
	cp "$built/tests/$1" "$tree/targets/null/test" || return
	sed -i '2i\
if [ "${1:-}" = up ]; then\
	"${0%/*}/test" >"$DUPACK_LOG_DIR/test.tap" 2>&1\
	echo "# exit status $?" >>"$DUPACK_LOG_DIR/test.tap"\
	exit 0\
fi' "$tree/targets/null/target"
	cat >"$tree/cases/unit/test.yaml" <<-'END'
		title: A unit test in the guest
		requirement: It passes
		clause: harness/tests
		pairs: ["null"]
		middleboxes: [router]
		limits: {up: 1h, wall: 15min}
		expect: [{metric: tunnel.up, is: yes}]
		END
	"$tree/build/dupack" run unit/test --out "$tree/out" >"$tree/text" 2>&1 </dev/null
}

# judge NAME STATUS: of its run
judge() {
	tap=$dir/$1/out/null/router/test/log/test.tap
	is "$2" 0 "$1: ran in the guest"
	grep -q '^# exit status 0$' "$tap" 2>/dev/null
	ok $? "$1: passes"
	grep -q '# SKIP' "$tap" 2>/dev/null && ok 1 "$1: nothing was left out"
	grep -E '^not ok|^# |within|predicted' "$tap" 2>/dev/null | sed 's/^/# /' ||
		sed 's/^/# /' "$dir/$1/text"
}

# the longest first, all at once
set -- test-fidelity test-netem-exact test-netem test-offloads
for test in "$@"; do
	start "$test" &
	pids="$pids $!"
done
for test in "$@"; do
	pid=${pids# }
	pid=${pid%% *}
	pids=${pids#" $pid"}
	wait "$pid"
	judge "$test" $?
done
done_testing
