"""The versions of each use case in the MLflow model registry, and the aliases that name them.

Usage::

    registry = ModelRegistry(settings, records.locks)
    version = registry.register("weather", challenger, registration)   # one version per digest
    registry.crown("weather", version)                                 # alias `champion`
    registry.crowned("weather")                                        # version, or None

The registry follows the ledger (`evergreen.champions.promotion`) and never leads: an alias is
last-writer-wins, so that nobody should decide by it. A registered model that we did not make (it
lacks our tag) is never touched.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evergreen.errors import NotOurs
from evergreen.learning.names import OURS, named
from evergreen.records.protocols import Locking
from evergreen.refs import CandidateRef
from evergreen.settings import Settings
from evergreen.spec import check_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

CHAMPION, CHALLENGER, CANDIDATE = "champion", "challenger", "candidate"
REFUSED, ARCHIVED = "refused", "archived"
STATUS, SHA256 = "evergreen.status", "evergreen.sha256"
SNAPSHOT, DECISION = "evergreen.snapshot_sha256", "evergreen.decision"
RECIPE = "evergreen.recipe"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a version says of itself."""

    snapshot_sha256: str
    decision_id: str
    sentence: str
    """The decision in words: the version's description."""
    status: str = CHALLENGER
    """`candidate`: no gate has passed it; `refused`: one has refused it."""
    recipe: str = ""
    """Digest of the recipe that a gate refused; empty: it was not refused there."""


class ModelRegistry:
    """The registered models; each is called like its use case, behind `settings.model_prefix`."""

    def __init__(self, settings: Settings, locks: Locking) -> None:
        self._settings, self._locks = settings, locks

    def register(self, use_case: str, challenger: CandidateRef, about: Registration) -> int:
        """Return the version that holds the challenger's bytes, making it if there is none.

        A crash leaves either no version or a whole one, which the next call finds by its digest.

        Raises:
            DeclarationError: `use_case` could not be a model's name.
            NotOurs: somebody else made a registered model of that name.
        """
        check_name("use case", use_case)
        with self._locks.hold("version", use_case):
            version = self._find(use_case, challenger.sha256)
            if version is None:
                version = self._create(use_case, challenger, about)
            if self.status(use_case, version) == CHALLENGER:  # two at once cannot make one alias
                self._client.set_registered_model_alias(
                    self._name(use_case), CHALLENGER, str(version)
                )
        return version

    def crown(self, use_case: str, version: int) -> None:
        """Point the alias `champion` at a version and archive the others that had it."""
        self._client.set_registered_model_alias(self._name(use_case), CHAMPION, str(version))
        for other in self._versions(use_case):
            if int(other.version) != version and other.tags.get(STATUS) == CHAMPION:
                self._tag(use_case, int(other.version), ARCHIVED)
        self._tag(use_case, version, CHAMPION)
        if self._named(use_case, CHALLENGER) == version:
            self._client.delete_registered_model_alias(self._name(use_case), CHALLENGER)

    def refuse(self, use_case: str, version: int) -> None:
        """Note that a challenger lost; its version stays, to be looked at."""
        self._tag(use_case, version, REFUSED)
        if self._named(use_case, CHALLENGER) == version:
            self._client.delete_registered_model_alias(self._name(use_case), CHALLENGER)

    def uncrown(self, use_case: str) -> None:
        """Take the alias `champion` away."""
        self._client.delete_registered_model_alias(self._name(use_case), CHAMPION)

    def crowned(self, use_case: str) -> int | None:
        """Return the version that the alias `champion` names."""
        return self._named(use_case, CHAMPION)

    def waiting(self, use_case: str) -> int | None:
        """Return the version that the alias `challenger` names: it passed, and is not champion."""
        return self._named(use_case, CHALLENGER)

    def drop(self, use_case: str, run_id: str) -> None:
        """Delete the versions that a training made; what it answered names them no less."""
        for version in self._versions(use_case):
            if version.run_id == run_id:
                self.delete(use_case, int(version.version))

    def refused(self, use_case: str) -> dict[int, str]:
        """Return the recipe of every version that a gate refused, the newest version first."""
        found = [
            (int(version.version), version.tags[RECIPE])
            for version in self._versions(use_case)
            if version.tags.get(STATUS) == REFUSED and version.tags.get(RECIPE)
        ]
        return dict(sorted(found, reverse=True))

    def delete(self, use_case: str, version: int) -> None:
        """Delete a version; its training stays."""
        self._client.delete_model_version(self._name(use_case), str(version))

    def versions(self, use_case: str) -> dict[int, str]:
        """Return every version with the digest of its bytes."""
        return {int(v.version): v.tags.get(SHA256, "") for v in self._versions(use_case)}

    def status(self, use_case: str, version: int) -> str | None:
        """Return candidate, challenger, refused, champion or archived; None: not one of ours."""
        found = (v for v in self._versions(use_case) if int(v.version) == version)
        return next((v.tags.get(STATUS) for v in found), None)

    @property
    def _client(self) -> "MlflowClient":
        return _client(self._settings)

    def _find(self, use_case: str, sha256: str) -> int | None:
        matching = [v for v, digest in self.versions(use_case).items() if digest == sha256]
        return min(matching, default=None)

    def _create(self, use_case: str, challenger: CandidateRef, about: Registration) -> int:
        from evergreen.learning import tracking  # not above: it loads scikit-learn

        self._ensure_model(use_case)
        _, _, model_id = challenger.model_uri.partition("models:/")
        created = self._client.create_model_version(
            self._name(use_case),
            source=tracking.model_place(self._settings, challenger.model_uri),
            run_id=challenger.run_id,
            model_id=model_id or None,
            description=about.sentence,
            tags={
                STATUS: about.status,
                SHA256: challenger.sha256,
                SNAPSHOT: about.snapshot_sha256,
                DECISION: about.decision_id,
                **({RECIPE: about.recipe} if about.recipe else {}),
            },
        )
        return int(created.version)

    def _ensure_model(self, use_case: str) -> None:
        if self._ours(use_case) is not None:
            return
        name = self._name(use_case)
        if self._model(name) is not None:
            raise NotOurs(f"a registered model {name} in MLflow")
        self._client.create_registered_model(name, tags=OURS)

    def _model(self, name: str) -> "RegisteredModel | None":
        found = self._client.search_registered_models(f"name = '{name}'")
        return found[0] if found else None

    def _ours(self, use_case: str) -> "RegisteredModel | None":
        """Return our registered model; one from before names had a prefix is renamed."""
        name = self._name(use_case)
        found = self._model(name)
        if found is None and (older := self._model(use_case)) and _is_ours(older):
            self._client.rename_registered_model(use_case, name)
            found = self._model(name)
        return found if found is not None and _is_ours(found) else None

    def _name(self, use_case: str) -> str:
        return named(self._settings, use_case)

    def _versions(self, use_case: str) -> "list[ModelVersion]":
        if self._ours(use_case) is None:
            return []
        found: list[ModelVersion] = []
        token: Any = None
        while token != "":
            page = self._client.search_model_versions(
                f"name = '{self._name(use_case)}'", page_token=token
            )
            found, token = [*found, *page], page.token or ""
        return found

    def _named(self, use_case: str, alias: str) -> int | None:
        model = self._ours(use_case)
        version = model.aliases.get(alias) if model else None
        return None if version is None else int(version)

    def _tag(self, use_case: str, version: int, status: str) -> None:
        self._client.set_model_version_tag(self._name(use_case), str(version), STATUS, status)


def _is_ours(model: "RegisteredModel") -> bool:
    return bool(OURS.items() <= model.tags.items())


def _client(settings: Settings) -> "MlflowClient":
    from evergreen.learning import tracking  # not above: it loads scikit-learn

    return tracking.client(settings)
