#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line: exit statuses, messages, and what programs read.  Nothing is
# executed here: every command either fails before that or only reads.
# TAP 13.
#
# usage: test-cli.sh	(DUPACK: the binary)
set -u

here=$(cd "$(dirname "$0")" && pwd)
dupack=${DUPACK:-$here/../../build/dupack}
tests=0 failed=0

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

[ -x "$dupack" ] || skip_all "no binary at '$dupack': run make"
dupack=$(realpath "$dupack")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99

ok() { # STATUS NAME
	tests=$((tests + 1))
	if [ "$1" != 0 ]; then
		failed=$((failed + 1))
		printf 'not '
	fi
	echo "ok $tests - $2"
}

is() { # GOT WANT NAME
	[ "$1" = "$2" ]
	ok $? "$3"
	[ "$1" = "$2" ] || echo "# got '$1', wanted '$2'"
}

# has FILE PATTERN NAME: an extended regular expression in what was said
has() {
	local found=0

	grep -qE -- "$2" "$1" || found=1
	ok $found "$3"
	[ $found = 0 ] || sed 's/^/# /' "$1"
}

# call STATUS ARGUMENT...: what is said goes to the files out and err
call() {
	local want=$1 got
	shift
	"$dupack" "$@" >out 2>err </dev/null
	got=$?
	is "$got" "$want" "dupack $*: exit status $want"
	[ "$got" = "$want" ] || sed 's/^/# /' err
}

silent() { # FILE NAME
	[ ! -s "$1" ]
	ok $? "$2"
}

# Is the file out JSON for which a filter of jq holds?  perl has a parser, too, to fall back on
json() { # FILTER NAME
	if command -v jq >/dev/null; then
		jq -e "$1" out >/dev/null
	else
		perl -MJSON::PP -0777 -ne 'decode_json($_)' out
	fi
	ok $? "$2"
}

# 1. The table of commands
call 0 --help
for command in run case list check report doctor; do
	has out "^  $command +[a-z]" "--help names $command"
done
call 0 --version
has out '^dupack [0-9]+\.[0-9]+\.[0-9]+$' 'and the version'
call 2
has err '^usage: dupack' 'no command: usage'
silent out 'on stderr'
call 2 chek
has err "no command 'chek': did you mean 'check'\?" 'the nearest command is offered'
call 2 wireguard
has err "no command 'wireguard': see 'dupack --help'" 'or none'
call 2 "$(printf '\033[31m')"
call 2 ''

# 2. Arguments of a command
for command in run case list check report doctor; do
	call 0 "$command" --help
	has out "^Usage: dupack $command" 'its own usage'
	call 2 "$command" --bogus
	has err "^dupack $command: .*--bogus" 'names it'
done
call 2 run --seed -1
call 2 run --seed x
has err "seed cannot be 'x': give a whole number" 'says what would do'
call 2 run --jobs 0
call 2 run --repeat 1000001
call 2 run --shard 3/2
has err "'3/2' is not a shard: write I/N" 'says what a shard is'
call 2 run --runtime vritual
has err "did you mean 'virtual'\?" 'the nearest runtime is offered'
call 2 run --out ''
call 2 list
has err 'say what to list: cases, pairs, targets, middleboxes' 'names the lists'
call 2 list case
has err "did you mean 'cases'\?" 'the nearest list is offered'
call 2 list cases pairs
call 2 check
call 2 report
call 2 doctor me
call 2 case
call 2 case one.yaml two.yaml

# 3. Files
cat >good.yaml <<'YAML'
title: A title
requirement: It works
clause: RFC 9293 section 3.8.1
pairs: [strongswan@esp]
middleboxes: [router]
expect: [{metric: tunnel.up, is: yes}]
YAML
sed 's/^clause/claus/' good.yaml >key.yaml
sed 's/router/rooter/' good.yaml >box.yaml
sed 's/@esp/@carrier-pigeon/' good.yaml >pair.yaml
sed 's/tunnel.up/no-such.metric/' good.yaml >metric.yaml
printf 'title: [\n' >syntax.yaml

call 0 check good.yaml
is "$(cat out)" 'good.yaml: ok' 'a good file is ok'
call 2 check key.yaml good.yaml
has err "^key.yaml:3:1: unknown key 'claus': did you mean 'clause'" 'a key: file:line:column'
is "$(cat out)" 'good.yaml: ok' 'the other is ok all the same'
call 2 check box.yaml
has err "^box.yaml:5:[0-9]+: .*unknown middlebox 'rooter'" 'a middlebox: file:line:column'
call 2 check pair.yaml
has err "^pair.yaml:4:[0-9]+: .*no carriage 'carrier-pigeon'" 'a pair: file:line:column'
call 2 check metric.yaml
has err "^metric.yaml:6:[0-9]+: .*no-such.metric" 'a metric: file:line:column'
call 2 check syntax.yaml
has err '^syntax.yaml:[0-9]+:[0-9]+: ' 'no YAML: file:line:column'
call 2 check nowhere.yaml
has err 'nowhere.yaml' 'no file: its name'
mkdir -p bad
echo 'nome: bad' >bad/target.yaml
call 2 check bad/target.yaml
has err "^bad/target.yaml:1:1: unknown key 'nome': did you mean 'name'" 'a target: file:line:column'

# 4. Nothing is run if anything is wrong
for command in run case; do
	call 2 $command metric.yaml --out "$dir/results"
	has err '^metric.yaml:6:' "$command: the file is named"
	silent out "$command: nothing on stdout"
	call 2 $command good.yaml --pair strongswan@carrier-pigeon --middlebox rooter
	has err "pair strongswan@carrier-pigeon: .*its carriages are" "$command: the pair is named"
	has err "middlebox rooter: .*known are" "$command: the middlebox, too"
	[ ! -e "$dir/results" ]
	ok $? "$command: no folder of results"
done
call 2 case nowhere.yaml
call 2 case .
has err "'\.' is not a file" 'a folder is not a case'
call 2 run no-such-series

# 5. Lists
for list in cases pairs targets middleboxes metrics; do
	call 0 list $list
	call 0 list $list --json
	json 'type == "array" and length > 0' 'JSON, with something in it'
done
call 0 list middleboxes --json
json '.[] | select(.name == "asa-proxy").options[] | select(.option == "queue-limit") |
	.default == "0" and (.source | length > 0)' 'an option with its default and its source'
call 0 list pairs --json
json 'any(.pair == "openconnect:ocserv@cstp")' 'a pair of two targets'
if command -v jq >/dev/null; then
	# the case that was written by hand, against what target.yaml files say
	is "$(jq -r '.[] | select(.matrix).pair' out | sort)" \
		"$(jq -r '.[] | select(any(.cases[]; . == "pairs/up")).pair' out | sort)" \
		'the pairs of a matrix are those that are known to come up'
fi
call 0 list targets
is "$(grep -c ' $' out)" 0 'no space at the end of a line'

# 6. Results
call 2 report "$dir"
has err 'not a folder of results' 'says what it is not'
mkdir -p run/p/m/c
echo '{"executions": [{"folder": "p/m/c", "verdict": "fail"}, {"folder": "gone"}]}' >run/run.json
cat >run/p/m/c/verdict.json <<'JSON'
{"case": "c", "series": "s", "pair": "p", "middlebox": "m", "seed": 7, "verdict": "fail",
 "reason": "\u001b[31m <&> echo.alive is no", "requirement": "It works", "clause": "RFC 1",
 "expectations": [{"metric": "echo.alive", "expected": "yes", "actual": "no", "ok": false}],
 "findings": [{"rule": "hole", "summary": "never filled", "hop": "outside", "clause": "RFC 2",
   "packets": [{"file": "x.pcapng", "number": 3, "what": "the last one"}]}],
 "virtual_s": 60, "wall_s": 1, "repeat": "dupack run s/c --pair p --middlebox m --seed 7"}
JSON
call 0 report run
has out '^s/c +p +m +fail +\?\[31m <&> echo.alive is no' 'the row'
has out '^  requires  It works \(RFC 1\)' 'the requirement and its clause'
has out '^  expected  echo.alive yes, got no' 'the expectation'
has out '^  finding   hole at outside: never filled \(RFC 2\)' 'the finding, its hop and clause'
has out '^            x.pcapng frame 3: the last one' 'its packet'
has out '^  repeat    dupack run s/c --pair p --middlebox m --seed 7$' 'the command'
has out '^1 execution: 1 failed; 60.0 s of virtual time in 1.0 s$' 'the counts'
call 0 report run --junit junit.xml --markdown -
has out '^\| s/c \| p \| m \| \*\*fail\*\* \|' 'Markdown'
if command -v xmllint >/dev/null; then
	xmllint --noout junit.xml
	ok $? 'JUnit is XML'
else
	tests=$((tests + 1))
	echo "ok $tests # SKIP no xmllint"
fi
call 99 report run --junit nowhere/junit.xml
has err "cannot write 'nowhere/junit.xml'" 'says so'
if [ -c /dev/full ]; then
	"$dupack" report run >/dev/full 2>err
	is $? 99 'a full disk is no result'
fi

# 7. The doctor: what it finds depends on the machine, how it says it does not
"$dupack" doctor --json >out
status=$?
json '.runtimes | has("virtual") and has("guest") and has("host")' 'doctor: JSON'
json '[.probes[] | select(.ok | not) | .remedy | length > 0] | all' 'a remedy for all that is missing'
if command -v jq >/dev/null; then
	is $status "$(jq 'if .runtimes.virtual then 0 else 99 end' out)" 'its status is about virtual'
fi
"$dupack" doctor >out
has out '^runtimes virtual and guest: (works|does not work here)' 'and for people'

echo "1..$tests"
[ $failed = 0 ]
