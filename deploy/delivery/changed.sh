#!/bin/sh
# Prints the use cases that differ from a commit, one a line: those whose declaration or suite does; all of
# them, if it is a file that declarations share, or if nobody knows the commit (a first push, a forced one).
#   sh deploy/delivery/changed.sh origin/main
set -eu
base="${1:?usage: changed.sh COMMIT}"
cases="${EVERGREEN_USE_CASES_DIR:-use_cases}" suites="${EVERGREEN_EXPECTATIONS_DIR:-expectations}"

if git merge-base "$base" HEAD >/dev/null 2>&1; then
    files="$(git diff --name-only --diff-filter=d "$base"...HEAD -- "$cases" "$suites")"
else
    echo "$base is no commit that leads here: every use case is taken" >&2
    every=yes
fi
for file in ${files:-}; do
    case "$file" in
        "$cases"/_*) every=yes ;;
    esac
done
[ -z "${every:-}" ] || files="$(ls "$cases"/[!_]*.py)"
for file in $files; do
    name="$(basename "$file")"
    name="${name%.*}"
    [ ! -f "$cases/$name.py" ] || echo "$name"
done | grep -v '^_' | sort -u
