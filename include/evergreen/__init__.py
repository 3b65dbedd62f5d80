"""Evergreen keeps tabular models fresh, and tells why it retrained, promoted or refused.

The package is the engine, pure Python that never imports airflow: the same steps run in a DAG,
a notebook, a test or the `evergreen` command. Start reading at `evergreen.steps`.
"""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # stdout is for JSON
