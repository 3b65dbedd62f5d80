"""A question to a person that ends by itself when somebody answers it elsewhere.

    Question(task_id="ask", asked="{{ … }}", until="{{ … }}", subject=…, options=…, defaults=…)

Airflow's own operator knows its buttons only. This one waits in the triggerer, which looks at the
ledger, too: `evergreen approve`, a rollback or the watchdog may have answered. Then the question is
closed in Airflow with what was answered and, as its reason, who said so; no name stands beside it,
as nobody pressed a button. It takes no worker, and where no triggerer runs the buttons work all the
same.
"""

import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.triggers.hitl import HITLTrigger
from airflow.sdk.exceptions import TaskAwaitingInput
from asgiref.sync import sync_to_async

from evergreen import reasons, records
from evergreen.records import Approval
from evergreen.records.approvals import APPROVED
from evergreen.records.errors import DatabaseError
from evergreen_airflow import here

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import TriggerEvent

log = logging.getLogger(__name__)
POKE = 15.0
"""Seconds from one look at the ledger to the next."""


class Question(HITLOperator):
    """Asks about an approval; see the module."""

    template_fields: Sequence[str] = (*HITLOperator.template_fields, "asked", "until")

    def __init__(self, *, asked: str, until: str, **options: Any) -> None:
        super().__init__(**options)
        self.asked = asked
        """Number of the approval, as text or a template of it."""
        self.until = until
        """When it is over, in ISO 8601, or a template of it."""

    def execute(self, context: "Context") -> None:
        """Put the question, and wait in the triggerer."""
        with contextlib.suppress(TaskAwaitingInput):  # it would hear of the buttons alone
            super().execute(context)
        self.defer(
            trigger=AnsweredAnywhere(
                asked=int(self.asked),
                ti_id=context["task_instance"].id,
                options=self.options,
                defaults=self.defaults,
                params=self.serialized_params,
                multiple=self.multiple,
                timeout_datetime=datetime.fromisoformat(self.until),
                poke_interval=POKE,
            ),
            method_name="execute_complete",
        )


class AnsweredAnywhere(HITLTrigger):
    """Fires when a person has pressed a button, the time is over, or the ledger has an answer."""

    def __init__(self, *, asked: int, **options: Any) -> None:
        super().__init__(**options)
        self.asked = asked

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return where this class is, and what makes it again."""
        _, options = super().serialize()
        return f"{__name__}.{type(self).__name__}", options | {"asked": self.asked}

    async def _handle_response(self) -> "TriggerEvent | None":
        event: TriggerEvent | None = await super()._handle_response()  # type: ignore[no-untyped-call]
        if event is not None:
            return event
        waits, found = await sync_to_async(look)(self.asked)
        if waits:
            return None
        if found:
            self.defaults = self.options[:1] if found.answer == APPROVED else self.defaults
            self.params["reason"] = elsewhere(found)
        return await self._handle_timeout()  # unless a button was pressed just now: the default


def look(asked: int) -> tuple[bool, Approval | None]:
    """Tell whether an approval waits, and which; while the database is away, nobody knows: yes."""
    try:
        with records.open(here.settings()) as kept:
            found = kept.approvals.get(asked)
    except DatabaseError as error:
        log.warning("cannot see whether question %d is answered: %s", asked, error)
        return True, None
    return found is not None and found.answer is None, found


def elsewhere(found: Approval) -> str:
    """Say who answered, and why, as far as the field of the reason holds it."""
    told = f"Not by a button: {found.answer} by {found.answered_by}: {found.reason}"
    return told[: reasons.LONGEST]
