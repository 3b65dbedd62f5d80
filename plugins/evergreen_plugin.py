"""What Evergreen adds to Airflow: pages in the menu, and the outcome in the note of each run."""

from evergreen_airflow.plugin import EvergreenPlugin

__all__ = ["EvergreenPlugin"]
