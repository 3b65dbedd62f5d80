"""What Airflow learns of us as of one of its providers: our assets, and their OpenLineage.

It lies apart from `evergreen_airflow`, which imports Airflow: Airflow asks while it is imported.
"""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return what Airflow reads at the entry point `apache_airflow_provider`."""
    return {
        "package-name": "evergreen",
        "name": "Evergreen",
        "description": "Keeps tabular models fresh, and tells why.",
        "asset-uris": [
            {
                "schemes": ["evergreen"],
                "handler": None,
                "to_openlineage_converter": "evergreen_airflow.openlineage.to_openlineage",
            }
        ],
    }
