#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# All static checks: harness/lint.sh [CHECK...], by default each of the list below.
# What a check says of a file is good until the file, a header of it, the check's settings
# or its program change: build/lint holds an empty file for each such state that was clean.
set -u
cd "$(dirname "$0")/.." || exit 1

checks='format layers headers exclusions shell man cppcheck analyzer tidy'
build=build/lint
jobs=${JOBS:-$(nproc)}
flags="-std=gnu17 -D_GNU_SOURCE -Iharness $(pkg-config --cflags libnl-route-3.0 libnl-3.0 libnftables \
	yaml-0.1 jansson libcrypto 2>/dev/null)"

sources() {
	find harness targets -name '*.c' | LC_ALL=C sort
}

headers() {
	find harness targets -name '*.h' | LC_ALL=C sort
}

# Shell scripts by their first line, whatever they are called
scripts() {
	find harness targets .ci -type f ! -name '*.[ch]' -exec awk '
		FNR == 1 { if (/^#!.*[\/ ](ba|da)?sh( |$)/ || /^# shellcheck shell=/) print FILENAME
			   nextfile }' {} + 2>/dev/null | LC_ALL=C sort
}

check_format() {
	{ sources && headers; } | xargs clang-format --dry-run --Werror
}

# An include of "a/b.h" is of part a; of "b.h", of the folder of the file, or harness/b.h
check_layers() {
	{ sources && headers; } |
		xargs grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' |
		awk -v layers=harness/LAYERS '
	function part_of(path,  n, p) {
		n = split(path, p, "/")
		if (p[1] == "targets")
			return "targets"
		if (p[1] == "harness" && n == 2)
			sub(/\.[ch]$/, "", p[2])
		return p[2]
	}
	function resolve(file, inc,  dir, try) {
		while (sub(/^\.\.\//, "", inc))
			;
		if (inc ~ /^targets\//)
			return "targets"
		if (index(inc, "/"))
			return part_of("harness/" inc)
		dir = file
		sub(/\/[^\/]*$/, "", dir)
		try = dir "/" inc
		if ((getline line < try) >= 0) {
			close(try)
			return part_of(try)
		}
		return part_of("harness/" inc)
	}
	BEGIN {
		while ((getline line < layers) > 0) {
			at++
			sub(/#.*/, "", line)
			if (line !~ /:/)
				continue
			n = split(line, word, /[: \t]+/)
			known[word[1]] = 1
			may[word[1], word[1]] = 1
			for (i = 2; i <= n; i++) {
				if (word[i] == "above")
					for (p in above)
						may[word[1], p] = 1
				else if (word[i] != "" && !(word[i] in above)) {
					printf "%s:%d: \047%s\047 is not above\n", layers, at, word[i]
					bad = 1
				} else
					may[word[1], word[i]] = 1
			}
			above[word[1]] = 1
		}
	}
	{
		split($0, where, ":")
		match($0, /"[^"]*"/)
		inc = substr($0, RSTART + 1, RLENGTH - 2)
		from = part_of(where[1])
		to = resolve(where[1], inc)
		if ((from, to) in may)
			next
		if (!(from in known))
			printf "%s:%d: part \047%s\047 is not in %s\n", where[1], where[2], from, layers
		else
			printf "%s:%d: %s must not include \"%s\" of %s (see %s)\n", where[1], where[2],
			       from, inc, to, layers
		bad = 1
	}
	END { exit bad }'
}

# Each header compiles alone; static functions that nobody calls there are as meant
check_headers() {
	# shellcheck disable=SC2046,SC2086 # words
	gcc $flags -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-variable \
		-fsyntax-only -x c $(headers)
}

# Each check that .clang-tidy switches off is explained there
check_exclusions() {
	sed -n 's/^  -\([a-z][A-Za-z0-9.-]*\).*/\1/p' .clang-tidy | {
		bad=0
		while read -r name; do
			grep -q "^# $name: ." .clang-tidy && continue
			echo ".clang-tidy: '$name' is off for no reason: add '# $name: WHY'"
			bad=1
		done
		exit $bad
	}
}

check_shell() {
	scripts | xargs shellcheck
}

check_man() {
	[ -d harness/man ] || return 0
	find harness/man -name '*.[1-8]' -exec mandoc -Tlint -Wwarning {} +
}

# memleak: takes what a cleanup attribute frees for a leak; the analyzer of gcc knows them
# unreadVariable: takes emptying a variable that has a cleanup attribute for a mistake
# variableScope: kernel style declares at the head of a function or of a loop
# unusedStructMember: a layout is there for its size, too
# missingIncludeSystem: not needed to check ours
# It reads no header of the system, and so has to be told of the loop that is a macro there
check_cppcheck() {
	echo '#define json_array_foreach(a, i, v)' \
		'for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)' \
		>$build/known.h
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j "$jobs" \
		--enable=warning,style,performance,portability -D_GNU_SOURCE -Iharness \
		--include=$build/known.h --cppcheck-build-dir=$build/cppcheck --template=gcc \
		--suppress=memleak --suppress=unreadVariable --suppress=variableScope \
		--suppress=unusedStructMember --suppress=missingIncludeSystem \
		harness targets
}

# Run "$0 one CHECK FILE" for each file given that is not known to be clean
check_each() {
	xargs -r -P "$jobs" -n 1 "$0" one "$1"
}

# gcc follows cleanup attributes, which clang's analyzer does not, so this is who looks for
# use after free and double free.  Not for leaks: it loses sight of what an array's element
# or memcpy() keeps; `make check-unit SAN=address,undefined` sees those that the tests meet.
check_analyzer() {
	sources | grep -v '^harness/tests/' | check_each analyzer
}

check_tidy() {
	sources | check_each tidy
}

one() {
	# shellcheck disable=SC2086 # words
	key=$({
		echo "$1 $flags"
		cat .clang-tidy harness/lint.sh
		gcc $flags -MM "$2" | grep -o '[^ ]*\.[ch]\>' | xargs cat
	} | sha256sum | cut -c 1-24)
	stamp=$build/$1/$(echo "$2" | tr / -)-$key

	[ -e "$stamp" ] && return 0
	# shellcheck disable=SC2086 # words
	case $1 in
	analyzer)
		gcc $flags -O1 -fanalyzer -fanalyzer-verbosity=1 \
			-Wno-analyzer-malloc-leak -Werror -S -o /dev/null "$2" || return 1
		;;
	tidy)
		clang-tidy --quiet "$2" -- $flags 2>"$stamp.err" || {
			cat "$stamp.err" # why it could not even start
			rm -f "$stamp.err"
			return 1
		}
		rm -f "$stamp.err"
		;;
	esac
	rm -f "$build/$1/$(echo "$2" | tr / -)"-*
	: >"$stamp"
}

if [ "${1-}" = one ]; then
	one "$2" "$3"
	exit
fi

mkdir -p $build/cppcheck $build/analyzer $build/tidy
failed=
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || set -- $checks
for check; do
	start=$(date +%s%N)
	"check_$check" >"$build/$check.out" 2>&1 || failed="$failed $check"
	printf '  LINT  %-10s %6d ms\n' "$check" $((($(date +%s%N) - start) / 1000000))
	cat "$build/$check.out"
done
[ -z "$failed" ] || {
	echo "lint: not clean:$failed" >&2
	exit 1
}
