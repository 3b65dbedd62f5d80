"""One store for all that is not in PostgreSQL or MLflow: a local folder, s3://, gs:// or abfs://.

Usage::

    store = storage.of(settings)                          # EVERGREEN_STORE_URL, or the home folder
    store.publish("reports/weather/1/report.html", page)  # whole or not at all
    store.read("reports/weather/1/evidence.json", sha256)  # these bytes, or Damaged
    storage.of(settings, REPORTS).list("weather/*/*.html")  # the same store, from a folder on

Its layout::

    snapshots/<use case>/<digest>/manifest.json           rows of one moment: schema and chunks
    snapshots/<use case>/chunks/<key>-<sha256>.parquet    their bytes, shared by all the snapshots
    snapshots/<use case>.features/…                       the same of features and of the split
    reports/<use case>/<report id>/evidence.json          what evaluate found
    reports/<use case>/<report id>/report.html, .json     what the gate made of it
    data_docs/index.html, runs/…, validations/…           the Data Docs, and the facts of each run
    walks/<use case>/<sha256>.parquet                     what a recipe's fits answered
    replays/<use case>/<replay id>/replay.json, chart.svg what policies would have cost and gained
    replays/<use case>/fits/…                             what the fits of replays answered
    drift/<use case>/<report id>/report.html, .json       a window that was watched
    drift/<use case>/champions/<digest>.json              what a champion looks like in calm
    .drafts/…                                             (local) files that are being written
"""

from evergreen.settings import Settings
from evergreen.storage.store import Damaged, Draft, File, OutsideStore, Store

__all__ = [
    "DATA_DOCS",
    "DRIFT",
    "REPLAYS",
    "REPORTS",
    "SNAPSHOTS",
    "WALKS",
    "Damaged",
    "Draft",
    "File",
    "OutsideStore",
    "Store",
    "of",
]

SNAPSHOTS, REPORTS, DATA_DOCS, DRIFT, WALKS, REPLAYS = (
    "snapshots", "reports", "data_docs", "drift", "walks", "replays",
)  # fmt: skip


def of(settings: Settings, folder: str = "") -> Store:
    """Return the store that the settings name, or a folder of it."""
    url = settings.store_url or str(settings.home)
    store = Store(url, settings.store_options)
    return store / folder if folder else store
