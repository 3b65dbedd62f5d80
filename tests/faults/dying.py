"""A cycle that dies, by kill -9, at the n-th moment at which something is about to be written."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from mlflow import MlflowClient

from database import records_of
from evergreen import catalog, cycle
from evergreen.records.session import Session
from evergreen.settings import PROJECT, Settings
from evergreen.spec import UseCase
from evergreen.steps import Run
from evergreen.storage import Draft, Store

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
WRITING = (
    (Session, ("write", "writing", "transaction")),
    (Store, ("publish",)),
    (Draft, ("publish",)),
    (MlflowClient, (
        "create_run", "log_batch", "log_inputs", "log_artifacts", "create_logged_model",
        "log_model_artifacts", "finalize_logged_model", "log_outputs", "set_terminated",
        "create_registered_model", "create_model_version", "set_registered_model_alias",
        "set_model_version_tag",
    )),
)  # fmt: skip
"""Whatever leaves something behind: our records, the store, MLflow."""


def declared() -> UseCase:
    """Iris with its fastest candidate only."""
    iris = catalog.load(PROJECT / "include" / "use_cases").find("iris")
    return replace(iris, candidates=(replace(iris.candidate("logistic"), search={}),))


def run(settings: Settings) -> str:
    """Run the cycle, and return what came of it."""
    asked = Run(as_of=AS_OF, asked_at=AS_OF, key="test/fault", actor="ada")
    done = cycle.run(declared(), asked, records=records_of(settings), settings=settings)
    return done.sentence


def counted(settings: Settings, told: Any, at: int = 0) -> None:
    """Run the cycle and die at a moment; 0: never, and `told.value` says how many there are."""

    def moment(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            told.value += 1
            if told.value == at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return wrapper

    for owner, names in WRITING:
        for name in names:
            setattr(owner, name, moment(getattr(owner, name)))
    run(settings)
