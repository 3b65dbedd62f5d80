#!/bin/sh
# What a pull request is told first: style, and what is wrong with any declaration. No database.
#   sh deploy/delivery/check.sh
set -eu
export EVERGREEN_USE_CASES_DIR="${EVERGREEN_USE_CASES_DIR:-use_cases}"
export EVERGREEN_EXPECTATIONS_DIR="${EVERGREEN_EXPECTATIONS_DIR:-expectations}"

sh "$(dirname "$0")/packages.sh"
ruff check --no-cache "$EVERGREEN_USE_CASES_DIR"
ruff format --no-cache --check "$EVERGREEN_USE_CASES_DIR"
evergreen validate
