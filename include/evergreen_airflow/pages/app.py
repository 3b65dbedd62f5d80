"""The FastAPI application that Airflow mounts at `/evergreen`, all of it behind the login."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader

from evergreen import cards, records, storage
from evergreen.catalog import load
from evergreen.coded import coded, uncoded
from evergreen.errors import DossierMissing
from evergreen.fleet import STATES, in_words
from evergreen.records.errors import DatabaseAway
from evergreen.storage import Store
from evergreen_airflow import here
from evergreen_airflow.pages import (
    AIRFLOW,
    PREFIX,
    drift_page,
    files,
    lineage_page,
    live,
    mlflow_proxy,
    model_page,
    models_page,
    replay_page,
    reports_page,
    rollback_page,
)

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
PAGES = ("models", "reports", "drift", "replay", "data-docs", "open-mlflow", "mlflow")
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
TEMPLATES.filters |= {"coded": coded, "uncoded": uncoded}

OURS = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " script-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none';"
    " form-action 'none'"
)
"""For our own pages: no script but `page.js`, no request to elsewhere."""
ASKING = OURS.replace("form-action 'none'", "form-action 'self'")
"""For a page whose form asks for the page again."""
DOCUMENTS = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; script-src 'none'; frame-ancestors 'self'; base-uri 'none';"
    " form-action 'none'"
)
"""For files that hold data (Data Docs, reports): no script at all."""
EVIDENTLY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval';"
    " style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
"""For Evidently's page, which is an application: its scripts run without an origin or a network."""
MLFLOW = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src {own} data: blob:;"
    " frame-ancestors 'self'; form-action 'none'; base-uri 'self'"
)
"""For MLflow's application: it may talk to its own addresses here, not to Airflow's."""


def create_app() -> FastAPI:
    """Return the application; nothing of it answers who has not logged in."""
    app = FastAPI(
        title="Evergreen",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(requires_access_view(AccessView.PLUGINS)), Depends(without_nul)],
    )
    app.middleware("http")(secure)
    app.add_exception_handler(DatabaseAway, no_ledger)
    app.get("/models/")(models)
    app.get("/models/{use_case}/")(model)
    app.get("/live/")(live_minutes)
    app.get("/reports/")(reports)
    app.get("/reports/{use_case}/{report_id}/")(report)
    app.get("/reports/{path:path}")(report_file)
    app.get("/rollback/{use_case}/")(rollback)
    app.get("/cards/{use_case}/{version}/")(card)
    app.get("/lineage/{use_case}/")(lineage)
    app.get("/drift/")(drift)
    app.get("/drift/{use_case}/{report_id}/")(drift_report)
    app.get("/drift/{path:path}")(drift_file)
    app.get("/replay/")(replay)
    app.get("/replay/{path:path}")(replay_file)
    app.get("/data-docs/", response_model=None)(data_docs)
    app.get("/data-docs/{path:path}")(data_docs_file)
    app.get("/open-mlflow/")(open_mlflow)
    app.api_route("/mlflow/{path:path}", methods=["GET", "POST"])(mlflow)
    app.get("/static/{path:path}")(static)
    app.get("/{page}", response_model=None)(without_slash)
    app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])(
        nothing
    )
    return app


def models(owner: str = "", tag: str = "", state: str = "", words: str = "") -> HTMLResponse:
    """Show the use cases that the address asks for as a table, those first that need a person."""
    with records.open(here.settings()) as kept:
        shown = models_page.page(
            kept, here.settings(), now=datetime.now(UTC), owner=owner, tag=tag, state=state,
            words=words,
        )  # fmt: skip
    status = 400 if shown.problem else 200
    page = render("models.html", status, page=shown, words=in_words, states=STATES)
    page.headers["Content-Security-Policy"] = ASKING
    return page


def model(use_case: str, request: Request) -> Response:
    """Show the card of a use case: its champion, the last decision, the last minutes, the history.

    Raises:
        HTTPException: 404, if there is none and was none of that name.
    """
    with records.open(here.settings()) as kept:
        card = model_page.card(use_case, kept, here.settings(), now=datetime.now(UTC))
    if card is None:
        return nothing()
    page = render("model.html", card=card)
    asks = f"{OURS}; connect-src {request.url.netloc}{PREFIX}/live/"
    page.headers["Content-Security-Policy"] = asks
    return page


async def live_minutes() -> Response:
    """Tell the last minutes of the champions, for the script of a card."""
    return await live.ask(here.settings())


def rollback(use_case: str, request: Request) -> Response:
    """Show the form that goes back to an earlier champion of a use case.

    Raises:
        HTTPException: 404, if no use case of that name is declared.
    """
    known = here.settings()
    if use_case not in load(known.use_cases_dir).use_cases:
        return nothing()
    with records.open(known) as kept:
        form = rollback_page.form(kept.promotions, use_case, known.dag_prefix)
    page = render("rollback.html", form=form)
    asks = f"{OURS}; connect-src {request.url.netloc}{form.posts_to}"
    page.headers["Content-Security-Policy"] = asks
    return page


def reports(use_case: str = "") -> HTMLResponse:
    """List the newest reports of the gate, of all use cases while they are few, or of one."""
    choice, groups = reports_page.page(use_case, kept(storage.REPORTS))
    return render("reports.html", choice.status, choice=choice, groups=groups)


def report(use_case: str, report_id: str) -> HTMLResponse:
    """Show one report, with the way back."""
    path = f"{use_case}/{report_id}/report.html"
    files.find(kept(storage.REPORTS), path)
    return render(
        "report.html", use_case=use_case, report_id=report_id, path=path, folder="reports"
    )


def report_file(path: str) -> Response:
    """Serve a file of the reports."""
    return files.serve(kept(storage.REPORTS), path, DOCUMENTS)


def card(use_case: str, version: int) -> Response:
    """Show the model card of a version."""
    try:
        with records.open(here.settings()) as kept:
            found = cards.card_of(use_case, version, records=kept, settings=here.settings())
    except DossierMissing:
        return nothing()
    return HTMLResponse(
        cards.page(found),
        headers={"Cache-Control": "no-store", "Content-Security-Policy": DOCUMENTS},
    )


def lineage(use_case: str, prediction: str = "") -> Response:
    """Show what an answer rests on, by its id.

    Raises:
        HTTPException: 404, if no use case of that name ever had a champion.
    """
    with records.open(here.settings()) as kept:
        shown = lineage_page.page(use_case, prediction, kept, here.settings())
    if shown is None:
        return nothing()
    page = render("lineage.html", 400 if shown.problem else 200, page=shown)
    page.headers["Content-Security-Policy"] = ASKING
    return page


def drift(use_case: str = "") -> HTMLResponse:
    """List the windows that were watched, with their time line, as `reports` does."""
    with records.open(here.settings()) as kept:
        choice, groups = drift_page.page(use_case, kept, here.settings())
    return render("drift.html", choice.status, choice=choice, groups=groups)


def drift_report(use_case: str, report_id: str) -> HTMLResponse:
    """Show the report of one window, with the way back."""
    path = f"{use_case}/{report_id}/report.html"
    files.find(kept(storage.DRIFT), path)
    return render("report.html", use_case=use_case, report_id=report_id, path=path, folder="drift")


def drift_file(path: str) -> Response:
    """Serve a file of the monitoring reports."""
    policy = EVIDENTLY if path.endswith("/evidently.html") else DOCUMENTS
    return files.serve(kept(storage.DRIFT), path, policy)


def replay(use_case: str = "") -> HTMLResponse:
    """Show what other policies would have cost and gained, as `reports` does."""
    dag_id = f"{here.settings().dag_prefix}operations_replay"
    choice, groups = replay_page.page(use_case, kept(storage.REPLAYS))
    return render("replay.html", choice.status, choice=choice, groups=groups, dag_id=dag_id)


def replay_file(path: str) -> Response:
    """Serve the picture of a replay."""
    return files.serve(kept(storage.REPLAYS), path, DOCUMENTS)


def data_docs() -> Response:
    """Open the Data Docs at their index, or say how to get some."""
    if kept(storage.DATA_DOCS).exists("index.html"):
        return RedirectResponse(f"{PREFIX}/data-docs/index.html", status_code=302)
    return render("no_data_docs.html")


def data_docs_file(path: str) -> Response:
    """Serve a file of the Data Docs."""
    return files.serve(kept(storage.DATA_DOCS), path, DOCUMENTS)


async def mlflow(path: str, request: Request) -> Response:
    """Pass a reading request on to MLflow."""
    response = await mlflow_proxy.forward(request, path, here.settings().tracking_uri)
    own = f"{request.url.netloc}{PREFIX}/mlflow/"
    response.headers["Content-Security-Policy"] = MLFLOW.format(own=own)
    return response


def open_mlflow() -> HTMLResponse:
    """Open MLflow in the theme of Airflow, at the page of the address's hash."""
    return render("mlflow.html")


def static(path: str) -> Response:
    """Serve the style sheet, the script and the icons."""
    return files.serve(Store(str(HERE / "static")), path, OURS)


def kept(folder: str) -> Store:
    """Return a folder of the store."""
    return storage.of(here.settings(), folder)


def without_slash(page: str) -> Response:
    """Lead to the page that an address without its last slash means."""
    if page not in PAGES:
        return nothing()
    return RedirectResponse(f"{PREFIX}/{page}/")


def nothing() -> Response:
    """Answer whatever else is asked for, so that strangers cannot tell what exists."""
    raise HTTPException(404, files.NOT_FOUND)


def without_nul(request: Request) -> None:
    """Find nothing by a name that PostgreSQL cannot hold.

    Raises:
        HTTPException: 404, if a NUL is in the address.
    """
    if "\0" in unquote(str(request.url)):
        nothing()


async def secure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Add the headers that keep a page from doing what it need not do."""
    response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", OURS)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def no_ledger(request: Request, error: Exception) -> HTMLResponse:
    """Say that the database does not answer."""
    log.error("%s: the ledger does not answer: %s", request.url.path, error)
    return render("no_ledger.html", status=503)


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Fill in a template; everything in it is escaped."""
    page = TEMPLATES.get_template(template).render(prefix=PREFIX, airflow=AIRFLOW, **values)
    return HTMLResponse(page, status_code=status, headers={"Cache-Control": "no-store"})
