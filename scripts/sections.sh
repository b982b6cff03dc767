# SPDX-License-Identifier: MIT
#
# Sourced by the scripts that do one thing after another: each section is run, timed and logged to
# build/logs, and only a failed one shows its output.  Needs $root, the top of the source tree.

logs=$root/build/logs
summary=
failures=0
failed_logs=

# section NAME COMMAND...: runs the command; a failure is remembered, not fatal.
section() {
	name=$1
	shift
	mkdir -p "$logs"
	log=$logs/$(echo "$name" | tr ' /' '--').log
	began=$(date +%s)
	printf '%-34s ' "$name"
	if "$@" >"$log" 2>&1; then result=ok; else result=FAILED; fi
	line=$(printf '%-6s %4d s' "$result" $(($(date +%s) - began)))
	note=$(sed -n 's/^\(.*tests passed, .*\)$/\1/p' "$log" | tail -n 1)
	echo "$line  $note"
	summary="$summary$(printf '  %-34s ' "$name")$line  $note
"
	[ "$result" = ok ] && return
	failures=$((failures + 1))
	failed_logs="$failed_logs $log"
	tail -n "${SECTION_TAIL:-80}" "$log" | sed 's/^/    /'
}

# What a test runner or a compiler says of a failure, without the rest.
show_reasons() {
	for log in $failed_logs; do
		printf '\n%s:\n' "${log#"$root"/}"
		grep -E '^(E  |FAILED|ERROR)|\*\*\*(Failed|Timeout|Exception)|error:|Error [0-9]' "$log" |
			tail -n 40 | cut -c 1-200 | sed 's/^/    /'
	done
}

# Prints what happened to each section, and last, where any log would be cut, why some failed; the
# status says whether all went well.
conclude() {
	printf '\n%s' "$summary"
	if [ "$failures" = 0 ]; then
		echo "all sections passed"
	else
		echo "$failures section(s) failed; full output in ${logs#"$root"/}"
		show_reasons
	fi
	[ "$failures" = 0 ]
}
