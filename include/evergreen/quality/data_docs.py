"""The Data Docs: one site, one page for each validated snapshot, and an index of the runs.

GX writes the results and builds the pages, in a folder that is gone afterwards, as it knows no
other place; what it made is published to the store. Page and index are ours, as GX's own load
scripts and styles from ten hosts and write values into the page unescaped. Ours need nothing but
themselves.
"""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, PackageLoader

from evergreen import storage
from evergreen.errors import EvergreenError
from evergreen.quality import phrases, reasons
from evergreen.quality.gx import (
    ExpectationSuiteIdentifier,
    ExpectationSuiteValidationResult,
    RunIdentifier,
    SiteBuilder,
    ValidationResultIdentifier,
    context,
)
from evergreen.refs import FailedExpectation, SnapshotRef
from evergreen.settings import Settings
from evergreen.storage import Store

RUNS = "runs"
"""Folder of the results as GX writes them."""
LISTED = 200
"""Runs that the index shows, the newest first."""


@contextmanager
def opened(settings: Settings) -> "Iterator[DataDocs]":
    """Open the Data Docs of the settings' store, with a folder for GX to work in."""
    with TemporaryDirectory() as folder:
        yield DataDocs(storage.of(settings, storage.DATA_DOCS), Path(folder))


class DataDocs:
    """The Data Docs in a store, and GX, which knows folders only, at work in one of its own."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self.context = context(
            results=str(folder / "results"), sites={"data_docs": _site(folder / "site")}
        )

    def publish(
        self,
        result: ExpectationSuiteValidationResult,
        snapshot: SnapshotRef,
        columns: Sequence[str],
        checks: Sequence[reasons.Checked],
        failed: Sequence[FailedExpectation],
    ) -> str:
        """Store the result and build its page and the index; return the page's path in the site.

        The same snapshot, validated again, has the same page. Safe in several processes at once.

        Raises:
            EvergreenError: GX could not render the page (it says why in its log).
        """
        key = identifier(snapshot)
        meta: Any = {
            "evergreen": _facts(result, snapshot, columns, checks, failed),
            "run_id": key.run_id,
        }
        result.meta = meta
        results = self.context.validation_results_store
        results.store_validation_results(
            suite_validation_result=result,
            suite_validation_result_identifier=key,
            expectation_suite_identifier=key.expectation_suite_identifier,
        )
        self.context.build_data_docs(resource_identifiers=[key])
        page = self._folder / "site" / path(key)
        if not page.is_file():
            raise EvergreenError(f"GX rendered no page of {path(key)}; its log says why")
        kept: str = results.store_backend.get(_parts(key))  # type: ignore[no-untyped-call]
        self._store.publish(f"{RUNS}/{'/'.join(_parts(key))}.json", kept)
        self._store.publish(path(key), page.read_bytes())
        publish_index(self._store)
        return path(key)


def publish_again(store: Store, run: str, result: dict[str, Any]) -> None:
    """Store a result in the place of one, and build its page and the index anew.

    Args:
        store: of the Data Docs.
        run: path of the result.
        result: as GX writes it.
    """
    store.publish(run, json.dumps(result, indent=2))
    store.publish(_page_of(run), Page().render(result["meta"]["evergreen"]))
    publish_index(store)


def publish_index(store: Store) -> None:
    """Write the index of the runs, again if somebody else has added one meanwhile."""
    written: Sequence[str] | None = None
    while written != (runs := store.list(f"{RUNS}/**/*.json")):
        store.publish("index.html", _index(store, runs))
        written = runs


def _index(store: Store, runs: Sequence[str]) -> str:
    newest = sorted(runs, key=_time_of, reverse=True)[:LISTED]
    with ThreadPoolExecutor(8) as pool:
        facts = list(pool.map(lambda run: _listed(store, run), newest))
    return _render("validations.html.jinja", runs=facts, total=len(runs))


def _listed(store: Store, run: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(store.read(run))["meta"]["evergreen"]
    return {**facts, "page": _page_of(run)}


def _page_of(run: str) -> str:
    """Return the path of the page of a run."""
    return f"validations{run.removeprefix(RUNS).removesuffix('.json')}.html"


def identifier(snapshot: SnapshotRef) -> ValidationResultIdentifier:
    """Name the validation of a snapshot, the same each time."""
    name = f"{snapshot.as_of:%Y%m%dT%H%M%S}-{snapshot.sha256[:12]}"
    return ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(snapshot.use_case),
        run_id=RunIdentifier(run_name=name, run_time=snapshot.as_of),
        batch_identifier=snapshot.sha256[:12],
    )


def path(key: ValidationResultIdentifier) -> str:
    """Return the path of a validation's page, below the site."""
    return "validations/" + "/".join(_parts(key)) + ".html"


def _parts(key: ValidationResultIdentifier) -> tuple[str, ...]:
    parts: tuple[str, ...] = key.to_tuple()  # type: ignore[no-untyped-call]
    return parts


def _time_of(run: str) -> str:
    return run.split("/")[-2]


def _site(folder: Path) -> dict[str, object]:
    ours = {"module_name": __name__}
    return {
        **ours,
        "class_name": "Site",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder),
        },
        "site_index_builder": {**ours, "class_name": "NoIndex"},
        "site_section_builders": {
            "expectations": "None",
            "profiling": "None",
            "validations": {
                "class_name": "DefaultSiteSectionBuilder",
                "source_store_name": "results",
                "renderer": {**ours, "class_name": "FactsBlock"},
                "view": {**ours, "class_name": "Page"},
            },
        },
    }


def _facts(
    result: ExpectationSuiteValidationResult,
    snapshot: SnapshotRef,
    columns: Sequence[str],
    checks: Sequence[reasons.Checked],
    failed: Sequence[FailedExpectation],
) -> dict[str, Any]:
    """Gather what the page tells, in plain JSON."""
    return {
        "passed": not failed and bool(result.success),
        "snapshot": snapshot.to_json(),
        "failed": [failure.to_json() for failure in failed],
        "checks": [
            {
                "passed": check.passed,
                "subject": phrases.subject(check.kwargs),
                "requires": check.requires,
                "observed": reasons.observed(check, columns),
                "notes": check.expectation.notes or "",
                "type": check.expectation.type,
            }
            for check in checks
        ],
    }


class Site(SiteBuilder):
    """GX's site builder, without the 4 MB of fonts and pictures that our pages do not use."""

    def build(
        self,
        resource_identifiers: Any = None,
        build_index: bool = True,  # noqa: ARG002
    ) -> tuple[Any, None]:
        """Build the pages of the resources."""
        for section in self.site_section_builders.values():
            section.build(resource_identifiers=resource_identifiers)
        return self.get_resource_url(only_if_exists=False), None


class FactsBlock:
    """GX's renderer of a page: hands on what `_facts` gathered."""

    def render(self, result: ExpectationSuiteValidationResult) -> dict[str, Any]:
        """Return the facts of one validation."""
        meta: Any = result.meta
        facts: dict[str, Any] = meta["evergreen"]
        return facts


class Page:
    """GX's view of a page."""

    def render(self, facts: dict[str, Any], **_: object) -> str:
        """Return the HTML of one validation."""
        return _render(
            "validation.html.jinja", **facts, home="../" * 4 + "index.html", sample=reasons.SAMPLE
        )


class NoIndex:
    """GX's builder of an index of the pages in its folder; ours lists all runs of the store."""

    def __init__(self, **_: object) -> None:
        pass


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("evergreen", "templates/data_docs"), autoescape=True)
