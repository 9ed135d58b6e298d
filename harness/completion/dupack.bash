# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# bash completion of dupack.  What there is to choose from is asked of dupack.

# _dupack_names WHAT KEY: the names of a listing, a line each
_dupack_names() {
	dupack list "$1" --json 2>/dev/null |
		sed -n "s/^    \"$2\": \"\\([^\"]*\\)\",\\{0,1\\}\$/\\1/p"
}

_dupack() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} words=''
	local flags='--pair --middlebox --matrix --runtime --seed --repeat --jobs --shard --out --probe'

	if [ "$COMP_CWORD" -eq 1 ]; then
		words='run case list check report doctor --help --version'
	else
		case $command:$before in
		run:--runtime | case:--runtime | check:--runtime) words='virtual guest host' ;;
		run:--pair | case:--pair | run:-p | case:-p) words=$(_dupack_names pairs pair) ;;
		run:--middlebox | case:--middlebox | run:-m | case:-m)
			words=$(_dupack_names middleboxes name)
			;;
		run:--seed | run:--repeat | run:--jobs | run:--shard | run:-j) return ;;
		case:--seed | case:--repeat | case:--jobs | case:--shard | case:-j) return ;;
		run:--out | case:--out | run:-o | case:-o | run:--resume | report:--*) ;;
		run:*) words="$flags --resume --json --help $(_dupack_names cases name)" ;;
		case:*) words="$flags --help" ;;
		check:*) [[ $word != -* ]] || words='--probe --runtime --help' ;;
		list:*) words='cases pairs targets middleboxes metrics --json --help' ;;
		report:*) words='--html --junit --markdown --help' ;;
		doctor:*) words='--json --help' ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	[ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

# pairs have '@' and ':', which bash would break words at
COMP_WORDBREAKS=${COMP_WORDBREAKS//[@:]/}
complete -F _dupack dupack
