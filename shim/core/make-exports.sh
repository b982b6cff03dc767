#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: make-exports.sh FUNCTIONS_H EXPORTS_MAP
# Writes the linker version script that exports exactly the rows of the function table.  The node is
# anonymous on purpose: a named one would export socket@@NODE, to which a program that wants
# socket@GLIBC_2.2.5 is not bound, and nothing would be intercepted.
set -eu
{
	echo '{ global:'
	sed -n 's/^CW_FN(\([A-Za-z0-9_]*\),.*/\t\1;/p' "$1"
	echo 'local: *; };'
} >"$2.new"
mv "$2.new" "$2"
