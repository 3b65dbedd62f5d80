"""Great Expectations, quietly: no analytics, no progress bars, no context files.

Import GX from here, so that its settings are in place before it is imported.
"""

import logging
import os

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
# One line for each SQL function when Airflow was imported first.
logging.getLogger("great_expectations").setLevel(logging.WARNING)

import great_expectations as gx  # noqa: E402
from great_expectations.core.expectation_suite import ExpectationSuite  # noqa: E402
from great_expectations.core.expectation_validation_result import (  # noqa: E402
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.core.run_identifier import RunIdentifier  # noqa: E402
from great_expectations.data_context import EphemeralDataContext  # noqa: E402
from great_expectations.data_context.types.base import DataContextConfig  # noqa: E402
from great_expectations.data_context.types.resource_identifiers import (  # noqa: E402
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.exceptions import GreatExpectationsError  # noqa: E402
from great_expectations.expectations.expectation import Expectation  # noqa: E402
from great_expectations.expectations.expectation_configuration import (  # noqa: E402
    ExpectationConfiguration,
)

__all__ = [
    "EphemeralDataContext",
    "Expectation",
    "ExpectationConfiguration",
    "ExpectationSuite",
    "ExpectationSuiteIdentifier",
    "ExpectationSuiteValidationResult",
    "ExpectationValidationResult",
    "GreatExpectationsError",
    "RunIdentifier",
    "ValidationResultIdentifier",
    "context",
]

MEMORY = {"class_name": "InMemoryStoreBackend"}


def context(results: str, sites: dict[str, object]) -> EphemeralDataContext:
    """Return a context that keeps nothing but validation results, in the folder `results`.

    `sites` are GX's own Data Docs site configurations by name.
    """
    config = DataContextConfig(
        config_version=4.0,
        analytics_enabled=False,
        progress_bars={"globally": False, "metric_calculations": False},
        fluent_datasources={},
        expectations_store_name="expectations",
        validation_results_store_name="results",
        checkpoint_store_name="checkpoints",
        stores={
            "expectations": {"class_name": "ExpectationsStore", "store_backend": MEMORY},
            "checkpoints": {"class_name": "CheckpointStore", "store_backend": MEMORY},
            "validation_definition_store": {
                "class_name": "ValidationDefinitionStore",
                "store_backend": MEMORY,
            },
            "results": {
                "class_name": "ValidationResultsStore",
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": results,
                },
            },
        },
        data_docs_sites=sites,
    )
    return gx.get_context(project_config=config, mode="ephemeral")
