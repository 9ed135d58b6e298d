#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A matrix: its cells and its table, a cell that breaks, an interrupt and a kill and how
# each is gone on with, shards.  What was resumed and what was shared out has the same
# digests as what ran in one go: nothing else knows that no cell was left out or mixed up.
# About a minute.  TAP.
#
# usage: matrix.sh	(DUPACK: the binary)
set -u

repository=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=harness/tests/lib.inc
. "$repository/harness/tests/lib.inc"

need_tool jq
need_binary

# --- a source tree of one's own, over the roots that there are -------------------------

kernel=$(sh "$repository/harness/guest/kernel.sh") || skip_all 'no kernel for the guest'
null=$(sh "$repository/harness/guest/image.sh" null) || skip_all 'no root for the guest'
wireguard=$(sh "$repository/harness/guest/image.sh" wireguard wireguard-tools) ||
	skip_all 'no root for wireguard'
run=
leave() {
	[ -z "$run" ] || kill -9 "$run" 2>/dev/null
}
own_folder
mkdir -p "$dir/build" "$dir/harness" "$dir/cache/dupack" "$dir/cases/m" "$dir/cases/n"
cp "$binary" "${binary%/*}/shim.so" "$dir/build/"
cp -r "$repository/harness/guest" "$dir/harness/"
cp -r "$repository/targets" "$dir/"
cp "${kernel%/*}"/answer-* "$dir/cache/dupack/"
ln -s "$kernel" "$null" "$wireguard" "$dir/cache/dupack/"
ln -s "$null" "$dir/cache/dupack/image-faulty-${null##*-}"
export XDG_CACHE_HOME="$dir/cache"
dupack=$dir/build/dupack
cd "$dir" || exit 99

mkdir targets/faulty
sed 's/null/faulty/' "$repository/targets/null/target.yaml" >targets/faulty/target.yaml
cp "$repository/targets/null/target" targets/faulty/null
cat >targets/faulty/target <<'TARGET'
#!/bin/sh
# Asked alone it keeps the contract
[ "$DUPACK_CASE" != probe ] || exec "${0%/*}/null" "$@"
[ "$1" != version ] || echo 1
[ "$1" != run ] || exit 3
TARGET
chmod +x targets/faulty/target

# One that all pass, one that who has no tunnel fails, and one that is for wireguard alone
cat >cases/m/outer.yaml <<'YAML'
title: Probes beside the tunnel
requirement: They arrive
clause: none
pairs: ["null"]
middleboxes: [router]
profiles: [any]
impair:
  - {link: outside, direction: up, engine: wire, loss: 20%, arm: up}
traffic:
  - echo: {interval: 20ms, duration: 2s, outer: yes, timeout: 1s}
expect:
  - {metric: echo.delivery, min: 50%}
YAML
sed 's/, outer: yes//; s/beside/in/; s/loss: 20%, arm: up/delay: 5ms/' cases/m/outer.yaml >cases/m/tunnel.yaml
sed 's/^profiles: .*/profiles: [wg]/' cases/m/outer.yaml >cases/m/wg.yaml
sed '/^profiles/d' cases/m/outer.yaml >cases/n/fixed.yaml

# matrix ARGUMENT...: ten cells, of two pairs behind two devices
matrix() {
	"$dupack" run m --matrix --pair null@plain --pair wireguard@udp -m router -m conntrack "$@"
}

# The digests of all cells in folders, each with its name
digests() { # FOLDER...
	for folder; do
		(cd "$folder" && find . -name verdict.json -exec jq -r \
			'[.pair, .middlebox, .case, .verdict, .digest] | join(" ")' {} \;)
	done | sort
}

# begin NAME ARGUMENT...: in the background, its results in out/NAME
begin() {
	name=$1
	shift
	env --default-signal=INT setsid "$dupack" run m --matrix --pair null@plain \
		--pair wireguard@udp -m router -m conntrack --out "$dir/out/$name" "$@" \
		>"$name.out" 2>"$name.err" </dev/null &
	run=$!
}

done_cells() { # NAME COUNT: are there as many?
	[ "$(find out/"$1" -name verdict.json 2>/dev/null | wc -l)" -ge "$2" ]
}

finish() { # NAME STATUS
	wait $run
	is $? "$2" "$1: exit status $2"
	run=
}

# --- the whole, and what it looks like ---------------------------------------------------

matrix --out out/whole >whole.out 2>whole.err
is $? 1 'whole: exit status 1, for null fails in its tunnel'
is "$(grep -c '^[0-9]* of 10  ' whole.err)" 10 'whole: a line of progress for each cell'
has whole.err '^9 of 10  .*, 0:[0-9][0-9] left$' 'whole: with the time that is left'
sed -n '/^pair /,/^$/p' whole.out >table
cat >wanted <<'TABLE'
pair           router       conntrack
null@plain     1 fail of 2  1 fail of 2
wireguard@udp  pass 3       pass 3

TABLE
is "$(cat table)" "$(cat wanted)" 'whole: the table'
has whole.out '^null fails m/tunnel with every peer \(2 of 2\)$' 'whole: where null fails'
holds out/whole/run.json '.matrix.by == "middlebox" and (.matrix.cells | length) == 4' \
	'whole: run.json has the cells'
holds out/whole/run.json '.matrix.cells | map(.total) | add == 10' 'whole: all executions are in them'
holds out/whole/run.json '.matrix.failures == [{"implementation": "null", "case": "m/tunnel",
	"failed": 2, "of": 2, "every_peer": true, "only": "",
	"text": "null fails m/tunnel with every peer (2 of 2)"}]' 'whole: and who fails where'
"$dupack" report out/whole --markdown grid.md
has grid.md '^\| null@plain \| \*\*1 fail of 2\*\* \| \*\*1 fail of 2\*\* \|$' 'whole: Markdown'
digests out/whole >whole.digests
is "$(wc -l <whole.digests)" 10 'whole: ten digests' # or all that follows would compare nothing

# --- a cell that breaks ---------------------------------------------------------------------

matrix --pair faulty@plain --out out/broken >broken.out 2>broken.err
is $? 99 'broken: exit status 99'
has broken.out '^faulty@plain +1 error of 2 +1 error of 2$' 'broken: its cells are errors'
digests out/broken | grep -v '^faulty' >broken.digests
is "$(cat broken.digests)" "$(cat whole.digests)" 'broken: the others are what they were'

# A worker that is killed: its cell says so
begin killed
await 30 done_cells killed 2
read -r worker _ <"/proc/$run/task/$run/children"
kill -KILL "$worker"
finish killed 99
is "$(digests out/killed | grep -c ' error ')" 1 'killed: one cell is an error'
is "$(jq -r '.reason // empty' out/killed/*/*/*/verdict.json | grep -c 'broke: was ended by signal 9')" 1 \
	'killed: and says that it was killed'
is "$(digests out/killed | grep -cxFf - whole.digests)" 9 'killed: the others are what they were'

# --- interrupted and killed, and gone on with -------------------------------------------------

begin int
await 30 done_cells int 3
kill -INT -$run
finish int 130
sed -n 's/^dupack: to go on: dupack //p' int.err >go-on
has go-on "^run m --matrix .* --resume $dir/out/int$" 'int: says how to go on'
holds out/int/run.json '[.executions[].verdict | select(. == null)] | length > 0' \
	'int: run.json says what is missing'
"$dupack" report out/int >said 2>&1
has said '[0-9] of 10 executions have no verdict; to go on: dupack run' 'int: report, too'
find out/int -name verdict.json -exec ls -i {} \; | sort >before
eval "\"$dupack\" $(cat go-on)" >said 2>resumed.err
is $? 1 'int: the command goes on'
is "$(wc -l <resumed.err)" $((10 - $(wc -l <before))) 'int: with what is missing'
is "$(find out/int -name verdict.json -exec ls -i {} \; | sort | grep -cxFf before)" \
	"$(wc -l <before)" 'int: what was there is as it was'
is "$(digests out/int)" "$(cat whole.digests)" 'int: and all is what the whole is'
sed -n '/^pair /,/^$/p' said >table
is "$(cat table)" "$(cat wanted)" 'int: with the table of all'

begin kill
await 30 done_cells kill 3
kill -KILL $run
finish kill 137 2>/dev/null
# an execution that was broken off, and a verdict that a full disk cut
half=$(find out/kill -name case.yaml | while read -r file; do
	[ -e "${file%/*}/verdict.json" ] || echo "${file%/*}"
done | head -n 1)
cut=$(find out/kill -name verdict.json | head -n 1)
head -c 100 "$cut" >half.json && mv half.json "$cut"
[ -z "$half" ] || echo old >"$half/old"
matrix --resume out/kill >said 2>&1
is $? 1 'kill: goes on'
is "$(digests out/kill)" "$(cat whole.digests)" 'kill: and all is what the whole is'
is "$(find out/kill -name old)" '' 'kill: nothing is left of what was broken off'
matrix --resume out/kill >said 2>&1
is "$(grep -c '^[0-9]* of 10 ' said)" 0 'kill: once more, and nothing is missing'

# --- what is not the same run -------------------------------------------------------------------

refused() { # PATTERN ARGUMENT...
	pattern=$1
	shift
	matrix --resume out/kill "$@" >said 2>&1
	is $? 2 "refused: $pattern: exit status 2"
	has said "^dupack: cannot resume '.*out/kill', this is not the same run: $pattern" \
		"refused: $pattern"
}
find out/kill -type f -exec sha256sum {} + | sort >before
refused 'another --seed$' --seed 2
refused 'other cases, pairs' -m nat
refused 'other cases, pairs' --shard 1/2
refused 'another --runtime$' --runtime guest
cp cases/m/wg.yaml wg
echo '# changed' >>cases/m/wg.yaml
refused 'a case file that has changed'
cp wg cases/m/wg.yaml
echo '# changed' >>targets/null/target
refused 'a target that has changed'
cp "$repository/targets/null/target" targets/null/target
printf x >>build/dupack
refused 'another build of dupack'
cp "$binary" build/dupack
is "$(find out/kill -type f -exec sha256sum {} + | sort)" "$(cat before)" 'refused: nothing was touched'
matrix --out out/kill >said 2>&1
is $? 2 'used: a folder that holds results is refused'
is "$(wc -l <said)" 1 'used: in one line'
has said 'holds results already: .*--resume' 'used: which names --resume'
matrix --resume out/nothing >said 2>&1
is $? 2 'no folder to resume: exit status 2'
echo >plain
matrix --out plain >said 2>&1
is $? 2 'plain file: exit status 2'
is "$(cat said)" "dupack: 'plain' is not a folder: give the results one" 'plain file: one error'

# --- shards -----------------------------------------------------------------------------------------

for i in 1 2 3; do
	matrix --shard $i/3 --out out/shard$i >said 2>&1
done
is "$(digests out/shard1 out/shard2 out/shard3)" "$(cat whole.digests)" \
	'shards: together they are the whole, and no cell is in two'
"$dupack" report out/shard1 out/shard2 out/shard3 >said 2>&1
sed -n '/^pair /,/^$/p' said | sort >table
is "$(cat table)" "$(sort wanted)" 'shards: one table of three folders'

# --- where a case applies -----------------------------------------------------------------------------

"$dupack" run n --matrix --pair null --pair wireguard@udp --out out/fixed >said 2>&1
is $? 0 'fixed: a case without profiles'
is "$(find out/fixed -name verdict.json)" out/fixed/null/router/fixed/verdict.json \
	'fixed: runs with the pair that it names, and no other'
"$dupack" case cases/m/wg.yaml --matrix --pair null@plain >said 2>&1
is $? 0 'case: not for this pair: exit status 0'
has said '^1..0 # SKIP m/wg is for the profiles wg, not for null@plain' 'case: and why it is skipped'
"$dupack" run m/wg --matrix --pair null@plain >said 2>&1
is $? 2 'run: nothing to run: exit status 2'
has said '^dupack: the matrix is empty: m/wg is for' 'run: and why'

done_testing
