"""The Data Docs: one site, one page for each validated snapshot, and an index of the runs.

GX keeps the results and builds the site; page and index are ours, as GX's own load scripts and
styles from ten hosts and write values into the page unescaped. Ours need nothing but themselves.
"""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

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

LISTED = 200
"""Runs that the index shows, the newest first."""


class DataDocs:
    """The site below `settings.data_docs_dir`, and the results it is built from."""

    def __init__(self, settings: Settings) -> None:
        self._site = settings.data_docs_dir
        self._gx = settings.home / "gx"
        self.context = context(
            results=str(self._gx / "results"), sites={"data_docs": _site(self._site)}
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
        with self._locked():
            self.context.validation_results_store.store_validation_results(
                suite_validation_result=result,
                suite_validation_result_identifier=key,
                expectation_suite_identifier=key.expectation_suite_identifier,
            )
            page = self._site / path(key)
            page.unlink(missing_ok=True)
            self.context.build_data_docs(resource_identifiers=[key])
        if not page.is_file():
            raise EvergreenError(f"GX rendered no page at {page}; its log says why")
        return path(key)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._gx.mkdir(parents=True, exist_ok=True)
        with (self._gx / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


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
        "site_index_builder": {**ours, "class_name": "RunsIndex"},
        "site_section_builders": {
            "expectations": "None",
            "profiling": "None",
            "validations": {
                "class_name": "DefaultSiteSectionBuilder",
                "source_store_name": "results",
                "renderer": {**ours, "class_name": "Facts"},
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
                "requires": phrases.of(check.expectation.type).requires(check.kwargs),
                "observed": reasons.observed(check, columns),
                "notes": check.expectation.notes or "",
                "type": check.expectation.type,
            }
            for check in checks
        ],
    }


class Site(SiteBuilder):
    """GX's site builder, without the 4 MB of fonts and pictures that our pages do not use."""

    def build(self, resource_identifiers: Any = None, build_index: bool = True) -> tuple[Any, None]:
        """Build the pages of the resources, and the index."""
        for section in self.site_section_builders.values():
            section.build(resource_identifiers=resource_identifiers)
        self.site_index_builder.build(build_index=build_index)
        return self.get_resource_url(only_if_exists=False), None


class Facts:
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


class RunsIndex:
    """GX's builder of the index: the newest runs, read from the stored results."""

    def __init__(self, target_store: Any, data_context: Any, **_: object) -> None:
        self._target = target_store
        self._results = data_context.validation_results_store

    def build(self, **_: object) -> tuple[str, None]:
        """Write the index page; return its address and GX's (unused) links."""
        keys = sorted(self._results.list_keys(), key=lambda k: k.run_id.run_time, reverse=True)
        runs = [{**self._facts(key), "page": path(key)} for key in keys[:LISTED]]
        html = _render("validations.html.jinja", runs=runs, total=len(keys))
        return self._target.write_index_page(html), None

    def _facts(self, key: ValidationResultIdentifier) -> dict[str, Any]:
        stored = self._results.store_backend.get(_parts(key))
        facts: dict[str, Any] = json.loads(stored)["meta"]["evergreen"]
        return facts


def _render(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(values)


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("evergreen", "templates/data_docs"), autoescape=True)
