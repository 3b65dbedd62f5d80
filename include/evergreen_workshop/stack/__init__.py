"""The local stack of `make up`: embedded PostgreSQL, MLflow server and Airflow, on loopback."""
