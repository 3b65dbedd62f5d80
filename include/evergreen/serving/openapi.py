"""The OpenAPI document: one set of paths per use case, made from what its champion reads."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from evergreen.serving.desk import Desk, Served

ABOUT = """The champions of all use cases answer here. Each answer names the version and the digest
of the model that gave it, and goes on record; tell what turned out to be true by `feedback`."""
ERROR = {
    "description": "Refused: which field, and why",
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/Error"},
            "example": {
                "error": {"field": "row.temp_max", "reason": "Input should be a finite number"}
            },
        }
    },
}
PREDICTION = {
    "id": {"type": "string", "format": "uuid", "description": "Name it in your feedback"},
    "prediction": {"description": "The label, or the value"},
    "probability": {"type": "number", "description": "Of the prediction"},
    "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
    "interval": {
        "type": "array",
        "items": {"type": "number"},
        "description": "Holds the value with the declared coverage (where the model has intervals)",
    },
}
SOURCE = {
    "use_case": {"type": "string"},
    "version": {"type": "integer"},
    "sha256": {"type": "string", "description": "Of the model file"},
    "engine": {"enum": ["onnx", "sklearn"]},
    "variant": {"enum": ["champion", "challenger", "paper"]},
    "notes": {"type": "array", "items": {"type": "string"}},
}
ON_PAPER = {
    "name": "on_paper",
    "in": "query",
    "required": True,
    "schema": {"enum": ["true"]},
    "description": "There is no champion yet: an unproven model answers",
}
EMPTY: Mapping[str, Desk] = MappingProxyType({})
SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            }
        },
    },
    "Prediction": {"type": "object", "properties": PREDICTION | SOURCE},
    "Predictions": {
        "type": "object",
        "properties": {
            "predictions": {"type": "array", "items": {"type": "object", "properties": PREDICTION}},
            **SOURCE,
        },
    },
}


def document(
    desks: Mapping[str, Desk], papers: Mapping[str, Desk] = EMPTY, *, keys: bool
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of what is served now, with or without API keys.

    `papers`: who answers on paper, where there is no champion.
    """
    schemas = dict(SCHEMAS)
    paths: dict[str, Any] = {
        "/health": _get("Is the service alive? For whom does nobody answer?"),
        "/ready": _get("Is what can be served, and what is not in step with the ledger?"),
        "/metrics": _get("Metrics for Prometheus", "text/plain"),
        "/live": _get("The last ten minutes of this process, in slices of ten seconds"),
    }
    for name, desk in sorted(desks.items()):
        paths |= _paths(name, desk.champion, schemas)
    for name, desk in sorted(papers.items()):
        for path, item in _paths(name, desk.champion, schemas).items():
            paths[path] = item | {"parameters": [ON_PAPER]}
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Evergreen", "version": "1", "description": ABOUT},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"key": key} if keys else {}},
        "security": [{"key": []}] if keys else [],
    }


def _paths(name: str, served: Served, schemas: dict[str, Any]) -> dict[str, Any]:
    contract = served.contract
    single, many = (_schema(form, schemas) for form in (contract.single, contract.many))
    doc = served.dossier.doc
    return {
        f"/{name}/predict": _post(
            name, doc, single, contract.examples["single"], _ref("Prediction")
        ),
        f"/{name}/predict/batch": _post(
            name, f"{doc} Up to 1,000 rows.", many, contract.examples["many"], _ref("Predictions")
        ),
        f"/{name}/feedback": _post(
            name, "Tell what turned out to be true.", _feedback(served), _told(served), {}
        ),
        f"/{name}/model-info": _get(f"Which model answers for {name}?", tag=name),
    }


def _schema(form: TypeAdapter[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return a request's schema; what it refers to goes among the components."""
    made = form.json_schema(ref_template="#/components/schemas/{model}")
    schemas |= made.pop("$defs", {})
    title = str(made["title"])
    schemas[title] = made
    return _ref(title)


def _feedback(served: Served) -> dict[str, Any]:
    label: dict[str, Any] = {"enum": list(served.labels)} if served.labels else {"type": "number"}
    number = {"type": "string", "format": "uuid"}
    return {
        "type": "object",
        "required": ["id", "label"],
        "additionalProperties": False,
        "properties": {"id": number, "label": label},
    }


def _told(served: Served) -> dict[str, Any]:
    label = served.labels[0] if served.labels else 1.5
    return {"id": "01981c3e-5b1e-7c3a-9d53-6a4b5d1f0c11", "label": label}


def _post(tag: str, about: str, schema: Any, example: Any, answer: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    good = {"description": "Answered", "content": {"application/json": {"schema": answer}}}
    refused = dict.fromkeys(("401", "404", "408", "409", "413", "422", "503"), ERROR)
    return {
        "post": {
            "tags": [tag],
            "summary": about,
            "requestBody": {"required": True, "content": content},
            "responses": {"200": good, **refused},
        }
    }


def _get(about: str, media: str = "application/json", tag: str = "service") -> dict[str, Any]:
    good = {"description": "Answered", "content": {media: {"schema": {}}}}
    responses = {"200": good, **dict.fromkeys(("401", "404", "503"), ERROR)}
    return {"get": {"tags": [tag], "summary": about, "responses": responses}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}
