#!/bin/sh
# Runs once, when docker-compose's PostgreSQL is new: Airflow and MLflow get a database of their own,
# with an owner that sees no other. (The first database, `evergreen`, is made by the image.)
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set airflow_password="$AIRFLOW_DB_PASSWORD" --set mlflow_password="$MLFLOW_DB_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE mlflow OWNER mlflow;
REVOKE CONNECT ON DATABASE evergreen, airflow, mlflow FROM PUBLIC;
-- A scheduler that stands still inside a transaction would stop all others by its locks.
ALTER DATABASE airflow SET idle_in_transaction_session_timeout = '120s';
SQL
