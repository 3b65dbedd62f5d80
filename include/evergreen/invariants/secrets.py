"""The invariant of secrets: none in logs, reports, Data Docs, MLflow, the ledger or XCom."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evergreen import secrecy, storage
from evergreen.invariants.inspection import Found, Scene

CHUNK = 1 << 20


def no_secret_is_told(scene: Scene) -> Found:
    """13: no password or token of the settings stands where people and programs read."""
    secrets = sorted(secrecy.values(scene.settings))
    told = "this machine's logs, reports, Data Docs, MLflow and ledger" + scene.airflow_told
    found = Found(checked=f"{len(secrets)} secrets in {told}")
    if not secrets:
        found.unknown.append("the settings hold no secret to look for")
        return found
    for looked in (_files, _runs, _ledger, _xcom):
        found.failed += [f"a secret stands in {place}" for place in looked(scene, secrets)]
    return found


def _files(scene: Scene, secrets: list[str]) -> Iterator[str]:
    home, needles = scene.settings.home, [secret.encode() for secret in secrets]
    for folder in (home / "logs", home / "airflow" / "logs"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and _holds(path, needles):
                yield str(path)
    for told in (storage.REPORTS, storage.DRIFT, storage.DATA_DOCS):
        store = storage.of(scene.settings, told)
        for page in store.list("**/*"):
            if any(needle in store.read(page) for needle in needles):
                yield store.uri(page)


def _holds(path: Path, needles: list[bytes]) -> bool:
    overlap = max(map(len, needles)) - 1
    tail = b""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            text = tail + chunk
            if any(needle in text for needle in needles):
                return True
            tail = text[-overlap:]
    return False


def _runs(scene: Scene, secrets: list[str]) -> Iterator[str]:
    for run in scene.runs():
        told = [*run.data.params.items(), *run.data.tags.items()]
        for name, value in told:
            if any(secret in value for secret in secrets):
                yield f"{name} of the MLflow run {run.info.run_id}"


def _ledger(scene: Scene, secrets: list[str]) -> list[str]:
    return scene.records.holding(secrets)


def _xcom(scene: Scene, secrets: list[str]) -> list[str]:
    rows: list[tuple[Any, ...]] = scene.airflow(
        "SELECT DISTINCT x.dag_id, x.task_id, x.key FROM xcom AS x, unnest(%s) AS secret"
        " WHERE strpos(x.value::text, secret) > 0",
        (secrets,),
    )
    return [f"XCom {key} of {dag}/{task}" for dag, task, key in rows]
