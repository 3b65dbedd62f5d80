#!/bin/sh
# Runs the whole cycle of the changed use cases, up to the gate, and fails where the data, the gate or the
# fit is refused. Nothing is promoted, and nothing of production is touched: the records and MLflow's tables
# are in a database of the pipeline's own (EVERGREEN_DATABASE_URL, MLFLOW_TRACKING_URI).
# The rows: snapshots/NAME.parquet, loaded into that database as a delivery would be landed (whole numbers
# are bigint); else the tables of EVERGREEN_WAREHOUSE_URL, a copy of yours or a role that may only read.
#   sh deploy/delivery/dry_run.sh origin/main
set -eu
here="$(dirname "$0")"
export EVERGREEN_USE_CASES_DIR="${EVERGREEN_USE_CASES_DIR:-use_cases}"
export EVERGREEN_EXPECTATIONS_DIR="${EVERGREEN_EXPECTATIONS_DIR:-expectations}"

names="$(sh "$here/changed.sh" "${1:?usage: dry_run.sh COMMIT}")"
[ -z "$names" ] || sh "$here/packages.sh"
for name in $names; do
    echo "=== $name"
    (
        if [ -f "snapshots/$name.parquet" ]; then
            export EVERGREEN_WAREHOUSE_URL= # its rows are in the pipeline's database: nobody else's is asked
            evergreen db import "snapshots/$name.parquet" --for "$name"
        fi
        evergreen run "$name" --dry-run --must-pass
    )
done
