"""Great Expectations, quietly: no analytics, no progress bars, no context files.

Import GX from here, so that its settings are in place before it is imported.
"""

import logging
import os
import warnings

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
# One line for each SQL function when Airflow was imported first.
logging.getLogger("great_expectations").setLevel(logging.WARNING)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations as gx
    from great_expectations.core.expectation_suite import ExpectationSuite
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.data_context.ephemeral_data_context import (
        EphemeralDataContext,
    )
    from great_expectations.data_context.types.base import DataContextConfig, ProgressBarsConfig
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )
    from great_expectations.exceptions.exceptions import GreatExpectationsError
    from great_expectations.execution_engine.pandas_execution_engine import (
        PandasExecutionEngine,
    )
    from great_expectations.expectations import registry
    from great_expectations.expectations.core.unexpected_rows_expectation import (
        UnexpectedRowsExpectation,
    )
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )
    from great_expectations.render.renderer.site_builder import SiteBuilder
    from great_expectations.validator.validation_statistics import calc_validation_statistics

__all__ = [
    "EphemeralDataContext",
    "ExpectationConfiguration",
    "ExpectationSuite",
    "ExpectationSuiteIdentifier",
    "ExpectationSuiteValidationResult",
    "ExpectationValidationResult",
    "GreatExpectationsError",
    "MetricProvider",
    "PandasExecutionEngine",
    "RunIdentifier",
    "SiteBuilder",
    "UnexpectedRowsExpectation",
    "ValidationResultIdentifier",
    "calc_validation_statistics",
    "context",
    "get_expectation_impl",
    "list_registered_expectation_implementations",
    "metric_value",
    "registry",
]

MEMORY = {"class_name": "InMemoryStoreBackend"}


def context(results: str, sites: dict[str, object]) -> EphemeralDataContext:
    """Return a context that keeps nothing but validation results, in the folder `results`.

    `sites` are GX's own Data Docs site configurations by name.
    """
    config = DataContextConfig(
        config_version=4.0,
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
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
