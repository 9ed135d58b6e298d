#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Virtual time is exact: the same seed gives the same digest over all captures, on
# an idle and on a loaded host, for root and for nobody; another seed another one.
# About a minute.  TAP, with the digests.
#
# usage: determinism.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq
need_binary
hogs=
stop_hogs() {
	for hog in $hogs; do
		kill "$hog"
		wait "$hog"
	done 2>/dev/null
	hogs=
}
leave() {
	stop_hogs
}
own_folder

cases='one-loss random-loss'

# digests NAME SEED [COMMAND...]: run both cases, by a command in front
digests() {
	name=$1
	seed=$2
	shift 2
	"$@" "$binary" run seed/one-loss seed/random-loss --seed "$seed" --jobs 2 --json \
		--out "$dir/$name" >"$dir/$name.json" 2>"$dir/$name.err" </dev/null
	status=$?
	is $status 0 "$name: exit status 0"
	[ $status = 0 ] || sed 's/^/# /' "$dir/$name.err"
	for case in $cases; do
		echo "# $name: $case seed $seed: $(digest "$name" "$case")"
	done
}

digest() { # NAME CASE
	jq -r --arg case "$2" '.[] | select(.case == $case).digest' "$dir/$1.json"
}

same() { # NAME NAME
	for case in $cases; do
		got=$(digest "$1" "$case")
		[ ${#got} = 64 ] && [ "$got" = "$(digest "$2" "$case")" ]
		ok $? "$case: the digest of $1 is that of $2"
	done
}

digests first-1 1
digests second-1 1
digests first-2 2
digests second-2 2
same first-1 second-1
same first-2 second-2
for case in $cases; do
	[ "$(digest first-1 "$case")" != "$(digest first-2 "$case")" ]
	ok $? "$case: seeds 1 and 2 have different digests"
done

# Other families: NSS, libgcrypt, two roots, TCP of the kernel
for pair in libreswan@iketcp strongswan:libreswan@udp vpnc:strongswan@ctcp; do
	for run in a b; do
		"$binary" run pairs/up --pair "$pair" --json --out "$dir/$pair-$run" \
			>"$dir/pair-$run.json" 2>/dev/null </dev/null
	done
	got=$(jq -r '.[0].digest' "$dir/pair-a.json")
	[ ${#got} = 64 ] && [ "$got" = "$(jq -r '.[0].digest' "$dir/pair-b.json")" ]
	ok $? "$pair: the same digest twice"
done

# A loaded host: more that never rests than there are processors
for hog in $(seq $(($(nproc) + 1))); do
	sh -c 'while :; do :; done' &
	hogs="$hogs $!"
done
digests loaded 1
stop_hogs
same loaded first-1

# Nobody: no root, no home, another folder; the cache may be read only.  The tree is
# copied, since it may be out of reach.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	tree=$dir/tree
	mkdir -p "$tree/build/targets" "$tree/harness" "$dir/nobody" "$tree/cache/dupack"
	cp "$binary" "${binary%/*}/shim.so" "$tree/build/"
	for file in "${binary%/*}"/targets/*/carrier "${binary%/*}"/targets/*/preload.so; do
		name=${file%/*}
		mkdir -p "$tree/build/targets/${name##*/}"
		cp "$file" "$tree/build/targets/${name##*/}/"
	done
	cp -r "$repository/harness/guest" "$tree/harness/"
	cp -r "$repository/targets" "$repository/cases" "$tree/"
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/dupack
	cp -r "$cache"/answer-* "$cache"/kernel-* "$cache"/image-strongswan-* "$tree/cache/dupack/"
	chmod -R a+rX "$dir"
	chown -R 65534:65534 "$dir/nobody" "$tree/cache"
	real=$binary
	binary=$tree/build/dupack
	mkdir -m 777 "$dir/unprivileged"
	digests unprivileged 1 setpriv --reuid 65534 --regid 65534 --clear-groups \
		env HOME="$dir/nobody" XDG_CACHE_HOME="$tree/cache"
	binary=$real
	same unprivileged first-1
	is "$(jq -r '[.[].versions.kernel.sha256] | unique | length' "$dir/unprivileged.json")" 1 \
		'unprivileged: ran a guest'
else
	ok 0 'unprivileged: # SKIP needs root and setpriv'
fi

done_testing
