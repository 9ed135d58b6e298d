#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What goes wrong, and what is left of it: nothing.  Targets that break their
# contract in every way, interrupts and kills at every stage, a full disk; each in
# virtual time and on the host.  About two minutes.  TAP.
#
# usage: faults.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq
need_binary
own_machine "$repository/harness/tests/faults.sh"
own_world "$repository" "$binary" faulty needy

# --- targets that are wrong, on top of null ---------------------------------------

mkdir targets/faulty targets/needy
cp targets/null/target targets/faulty/null
cp targets/null/target targets/needy/target
sed 's/null/faulty/' targets/null/target.yaml >targets/faulty/target.yaml
sed 's/null/needy/; s/binaries: \[\]/binaries: [no-such-program]/' targets/null/target.yaml \
	>targets/needy/target.yaml
cat >targets/faulty/target <<'TARGET'
#!/bin/sh
# The fault is an option of the carriage
set -eu
fault=${DUPACK_CARRIAGE_OPTIONS#fault=}
ready() {
	eval "echo READY >&$DUPACK_READY_FD"
}
case $fault.${1:-} in
exits.run)
	echo 'no licence was found'
	exit 3
	;;
never-ready.run)
	exec sleep 1000
	;;
fills-disk.run)
	for n in 1 2 3; do
		head -c 30000000 /dev/zero >"$DUPACK_STATE_DIR/fill.$n"
	done
	;;
ignores-term.run)
	trap '' TERM
	echo 'not yet'
	ready
	while :; do
		sleep 1000 || :
	done
	;;
floods.run)
	ready
	exec yes 'the same line, again and again'
	;;
forks.run)
	(setsid sh -c 'setsid sleep 1000 & exec sleep 1000' &)
	;;
forks-away.run)
	(setsid sh -c 'setsid sleep 1000 & exec sleep 1000' &)
	exit 0
	;;
garbage-ready.run)
	eval "echo GARBAGE >&$DUPACK_READY_FD"
	exec sleep 1000
	;;
garbage-status.status)
	echo '{"state": "up", "inner": 7'
	exit 0
	;;
up-hangs.up)
	exec sleep 1000
	;;
busy.run)
	while :; do
		:
	done
	;;
dies.run)
	ready
	sleep 2
	exit 4
	;;
controls-log.run)
	printf 'it is \033[31mred\033[0m \007 \302\233 \377\376\000 bytes\n'
	exit 6
	;;
controls.version)
	printf '\033[31mred\033[0m \007 \302\233 \377\376 bytes\n'
	exit 5
	;;
esac
exec "${0%/*}/null" "$@"
TARGET
chmod +x targets/faulty/target
cat >fault.yaml <<'YAML'
title: Traffic, while a target is wrong
requirement: The harness says what was wrong, and leaves nothing
clause: targets/README.md
pairs: [faulty@plain]
middleboxes: [router]
impair:
  - {link: outside, direction: both, engine: wire, delay: 1ms}
traffic:
  - {echo: {interval: 100ms, duration: 4s, timeout: 1s}}
  - {echo: {interval: 100ms, duration: 4s, timeout: 1s, outer: yes}}
limits: {up: 2s, wall: 60s}
expect:
  - {metric: tunnel.up, is: yes}
YAML
sed 's/wall: 60s/wall: 5s/' fault.yaml >short.yaml
sed 's/duration: 4s/duration: 10min/; s/wall: 60s/wall: 300s/' fault.yaml >long.yaml
sed 's/interval: 100ms/interval: 100us/' long.yaml >busy.yaml

# --- what must be so after each ---------------------------------------------------

cp /proc/self/mounts mounts

nobody() {
	[ -z "$(others)" ]
}

# Namespaces live by processes, descriptors and mounts: without others there are ours
nothing_left() { # NAME
	await 5 nobody
	ok $? "$1: no process is left"
	for pid in $(others); do
		echo "# $pid $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c 1-100)"
	done
	is "$(grep -vxFf mounts /proc/self/mounts)" '' "$1: no mount"
	is "$(readlink /proc/[0-9]*/ns/net /proc/[0-9]*/ns/mnt /proc/[0-9]*/ns/pid | sort -u | wc -l)" 3 \
		"$1: no namespace"
	is "$(find /tmp /var/tmp /dev/shm -mindepth 1)" '' "$1: no temporary file"
	is "$(find $world/cache/dupack -maxdepth 1 -name '*.??????')" '' \
		"$1: nothing half made in the cache"
}

# start NAME ARGUMENT...: a run in the background, $run; its folder is out/NAME
start() {
	name=$1
	shift
	env --default-signal=INT,TERM setsid "$dupack" run "$@" --out $world/out/"$name" \
		>"$name.out" 2>"$name.err" </dev/null &
	run=$!
}

finish() { # NAME STATUS [JSON]
	wait $run
	is $? "$2" "$1: exit status $2"
}

# verdict NAME KIND PATTERN...: of the only execution
verdict() {
	name=$1
	kind=$2
	shift 2
	file=$(find out/"$name" -name verdict.json)
	is "$(jq -r .verdict "$file" 2>&1)" "$kind" "$name: verdict $kind"
	jq -r '.reason // ""' "$file" >reason
	echo "# $(cat reason)"
	for pattern; do
		has reason "$pattern" "$name: the reason says: $pattern"
	done
}

clean() { # NAME: no control character in what was printed
	if LC_ALL=C grep -q '[^[:print:][:space:]]' "$1.out" "$1.err"; then
		ok 1 "$1: printed without control characters"
	else
		ok 0 "$1: printed without control characters"
	fi
}

# --- A. faults of targets -----------------------------------------------------------

# fault STATUS VERDICT PATTERN...
judge() { # RUNTIME FAULT
	case $2 in
	exits) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" \
		'exited with status 3 before it was ready' \
		'see log/headend.log; it said: no licence was found' ;;
	fills-disk) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" \
		'exited with status 1 before it was ready' \
		'see log/headend.log; it said: .*(No space left on device|I/O error)' ;;
	never-ready) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" \
		'was not ready after 20 s' 'see log/headend.log' ;;
	ignores-term) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" \
		'SIGTERM' 'see log/client.log; it said: not yet' ;;
	floods) set -- "$1" "$2" 99 error "target 'faulty'" "verb 'run'" 'signal 25 .File size' \
		'see log/(headend|client).log; it said: t' ;;
	forks) set -- "$1" "$2" 0 pass ;;
	forks-away) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" \
		'exited with status 0 before it was ready' 'see log/headend.log' ;;
	garbage-ready) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" 'readiness' \
		'see log/headend.log' ;;
	garbage-status) set -- "$1" "$2" 99 error "target 'faulty'" "'status'" \
		'no inner address .not JSON' \
		'see log/client-status.json; it said: ."state": "up", "inner": 7' ;;
	up-hangs) set -- "$1" "$2" 1 fail 'tunnel.up is no, expected (= )?yes' ;;
	busy)
		if [ "$1" = virtual ]; then
			set -- "$1" "$2" 99 error 'did not end within 5 s of wall time' \
				'never sleeps' 'see log/guest.log'
		else
			set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" \
				'was not ready after 20 s' 'see log/headend.log'
		fi ;;
	dies) set -- "$1" "$2" 99 error "target 'faulty'" "verb 'run'" \
		'exited with status 4 while it was needed' 'see log/(client|headend).log' ;;
	controls) set -- "$1" "$2" 99 error "target 'faulty'" "'version' exited with 5" \
		'see log/headend-version' ;;
	controls-log) set -- "$1" "$2" 99 error "target 'faulty', verb 'run'" 'status 6' \
		'see log/headend.log; it said: it is .*red.* bytes' ;;
	needy) set -- "$1" "$2" 0 skip "target 'needy' needs the program 'no-such-program'" ;;
	esac
	id=$1-$2
	status=$3
	shift 3
	is "$(cat "$id.status")" "$status" "$id: exit status $status"
	verdict "$id" "$@"
	clean "$id"
	rm -rf out/"$id"
}

faults='exits never-ready ignores-term floods forks forks-away garbage-ready garbage-status
	up-hangs busy dies controls controls-log fills-disk needy'

attempt() { # RUNTIME FAULT
	pair=faulty@plain,fault=$2
	[ "$2" != needy ] || pair=needy@plain
	case=fault.yaml
	[ "$2" != busy ] || case=short.yaml
	start "$1-$2" $case --runtime "$1" --pair "$pair"
	wait $run
	echo $? >"$1-$2.status"
}

# On the host they wait in real time: all at once
for fault in $faults; do
	attempt host "$fault" &
done
wait
nothing_left 'host, after all faults'
for fault in $faults; do
	judge host "$fault"
done
for fault in $faults; do
	attempt virtual "$fault"
	nothing_left "virtual-$fault"
	judge virtual "$fault"
done

# --- the probe: who is wrong is not run, and the next cell is unaffected ---------------

sed 's/duration: 4s/duration: 1s/' fault.yaml >quick.yaml
for runtime in host virtual; do
	name=probe-$runtime
	start "$name" quick.yaml --runtime $runtime --jobs 1 --probe --pair faulty@plain,fault=exits \
		--pair faulty@plain,fault=garbage-status --pair null@plain
	finish "$name" 99
	for fault in exits garbage-status; do
		jq -r .reason "out/$name/faulty@plain,fault=$fault/router/quick/verdict.json" >reason
		has reason "^target 'faulty' does not conform as headend, so it is not run: " \
			"$name: $fault: says that it was not run"
		has reason "verb 'run': .*exited with status 3 .*it said: no licence was found" \
			"$name: $fault: and what was wrong, since a target is asked once"
	done
	is "$(jq -r .verdict "out/$name/null@plain/router/quick/verdict.json")" pass \
		"$name: the next cell passes"
	clean "$name"
	nothing_left "$name"
	rm -rf "out/$name"
done
start probe-forks quick.yaml --probe --pair faulty@plain,fault=forks
finish probe-forks 99
jq -r .reason "out/probe-forks/faulty@plain,fault=forks/router/quick/verdict.json" >reason
has reason "verb 'run': left the process '(sh|sleep)' behind" 'probe-forks: says what was left'
nothing_left probe-forks

# --- bad input: nothing is run ------------------------------------------------------

refused() { # NAME PATTERN ARGUMENT...
	name=$1
	pattern=$2
	shift 2
	start "$name" "$@"
	finish "$name" 2
	has "$name.err" "$pattern" "$name: says $pattern"
	[ ! -e out/"$name" ]
	ok $? "$name: no folder of results"
}
sed 's/^clause/claus/' fault.yaml >malformed.yaml
mkdir targets/malformed
sed 's/null/malformed/; s/^wire/wier/' targets/null/target.yaml >targets/malformed/target.yaml
sed 's/faulty@plain/malformed@plain/' fault.yaml >other.yaml
refused unknown-pair "pair nobody@plain: .*'nobody'" fault.yaml --pair nobody@plain
refused malformed-case "^malformed.yaml:3:1: unknown key 'claus'" malformed.yaml
refused malformed-target "malformed/target.yaml:[0-9]+:1: unknown key 'wier'" other.yaml
refused malformed-target-pair "malformed/target.yaml:[0-9]+:1: unknown key 'wier'" fault.yaml \
	--pair malformed@plain
nothing_left 'bad input'
rm -r targets/malformed

# --- B. interrupts and kills, at every stage ------------------------------------------

making() { # a script builds the kernel
	[ -n "$(find $world/empty/dupack -maxdepth 2 -path '*/kernel.??????/source' 2>/dev/null)" ]
}

guest_runs() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -qx linux
}

traffic_runs() { # NAME
	[ -n "$(find out/"$1" -name traffic-client.log 2>/dev/null)" ]
}

stage() { # STAGE NAME: begin a run, and wait until it is there
	case $1 in
	script)
		rm -rf $world/empty
		XDG_CACHE_HOME=$world/empty
		start "$2" long.yaml --pair null@plain
		XDG_CACHE_HOME=$world/cache
		await 30 making
		;;
	guest)
		start "$2" busy.yaml --pair null@plain
		await 30 guest_runs
		;;
	host)
		start "$2" long.yaml --pair null@plain --runtime host
		await 30 traffic_runs "$2"
		;;
	esac
	ok $? "$2: is at the stage"
}

# What a broken run leaves can be read: whole files, or none
sane() { # NAME
	is "$(find out/"$1" -name '*.json' ! -exec jq empty {} \; -print 2>/dev/null)" '' \
		"$1: no JSON is half written"
	is "$(find out/"$1" -name '*.new' 2>/dev/null)" '' "$1: no temporary file beside it"
	[ ! -e out/"$1"/run.json ] || {
		"$dupack" report out/"$1" >said 2>&1
		is $? 0 "$1: report reads the folder"
	}
}

for stage in script guest host; do
	for signal in INT TERM KILL; do
		name=$stage-$signal
		stage $stage "$name"
		begun=$(date +%s)
		case $signal in
		INT) kill -INT "-$run" ;; # as a terminal does: to the group
		*) kill -$signal $run ;;
		esac
		if [ $signal = KILL ]; then
			finish "$name" 137 2>/dev/null
		else
			finish "$name" 130
			has "$name.err" 'interrupted' "$name: says so"
			nobody
			ok $? "$name: when it returns nobody is left"
		fi
		nothing_left "$name"
		is "$(find $world/empty/dupack -maxdepth 1 -name '*.??????' 2>/dev/null)" '' \
			"$name: no half-built kernel"
		[ $(($(date +%s) - begun)) -le 6 ]
		ok $? "$name: within 5 s"
		sane "$name"
	done
done
rm -rf $world/empty

# A run without --out: the newest folder is what `latest` points at
env --default-signal=INT setsid "$dupack" run busy.yaml --pair null@plain >latest.out 2>latest.err &
run=$!
await 30 guest_runs
kill -INT "-$run"
finish 'latest' 130
[ -s results/latest/run.json ]
ok $? 'latest: points at the run that was interrupted'
holds results/latest/run.json '.executions | type == "array"' 'latest: its summary is whole'
is "$(find results -name 'latest.*')" '' 'latest: no temporary link'
"$dupack" report results/latest >said 2>&1
is $? 0 'latest: report reads it'
nothing_left 'latest'

# At any time: from before main() to the middle of the traffic
broken=
lived=
for runtime in host virtual; do
	for ms in 001 003 010 020 040 080 150 250 400 700; do
		env --default-signal=INT setsid "$dupack" run long.yaml --pair null@plain \
			--runtime $runtime >said 2>&1 </dev/null &
		run=$!
		sleep 0.$ms	# not to wait for anything: the moment is what is tried
		await 5 kill -INT "-$run" 2>/dev/null	# the group is there when setsid has run
		wait $run
		status=$?
		[ $status = 130 ] || broken="$broken $runtime:$ms:$status"
		await 5 nobody || lived="$lived $runtime:$ms"
	done
done
is "$broken" '' 'any time: exit status 130'
is "$lived" '' 'any time: no process is left'
is "$(find results -mindepth 1 -maxdepth 1 -type d -empty)" '' 'any time: no empty folder of results'
is "$(find results -name '*.json' ! -exec jq empty {} \; -print)" '' 'any time: no JSON is half written'
nothing_left 'any time'

# --- C. no space ------------------------------------------------------------------------

sed 's/interval: 100ms/interval: 1ms/' fault.yaml >full.yaml
for runtime in host virtual; do
	for size in 40k 200k; do
		name=full-$runtime-$size
		mkdir -p out/"$name"
		mount -t tmpfs -o size=$size tmpfs out/"$name"
		start "$name" full.yaml --pair null@plain --runtime $runtime
		finish "$name" 99
		cat "$name.out" "$name.err" >said
		sed -n 's/^ *reason/# &/p; s/^dupack:/# &/p; s/^worker:/# &/p' said
		has said 'reason .*No space left on device' "$name: says that there is no space"
		umount out/"$name"
		ok $? "$name: nobody holds the folder"
		nothing_left "$name"
	done
done

done_testing
