#!/bin/sh
# SPDX-License-Identifier: MIT
# split-debug.sh LIBRARY OUTPUT DEBUG_ROOT: copies LIBRARY without its debug information to OUTPUT
# and puts that under DEBUG_ROOT/.build-id, where debuggers look for it.
set -eu
id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
directory=$3/.build-id/$(printf %s "$id" | cut -c1-2)
mkdir -p "$directory"
objcopy --only-keep-debug "$1" "$directory/$(printf %s "$id" | cut -c3-).debug"
objcopy --strip-unneeded "$1" "$2"
