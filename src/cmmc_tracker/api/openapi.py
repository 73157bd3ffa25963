"""OpenAPI 3.1 from the operations' own declarations: what is described is what validates."""

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cmmc_tracker.api.registry import OPERATIONS, PATH_VALUES, Given, Operation

_REF = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_MEANING = {
    400: "The request cannot be read",
    401: "Nobody is signed in",
    403: "Signed in, but not allowed, or the CSRF token is missing",
    404: "No such thing, or not for you",
    409: "A rule forbids it",
    412: "Somebody else changed it since If-Match was read; nothing changed",
    413: "Larger than the tracker takes",
    415: "A type that is not taken, or content that contradicts its name",
    416: "The range is not in the file",
    422: "A field is wrong; `errors` says which",
    507: "No space; nothing was kept",
}


def document() -> dict[str, Any]:
    """The whole description."""
    models = {m for one in OPERATIONS for m in (one.answer, one.body, one.form) if m is not None}
    ordered = sorted(models, key=lambda m: m.__name__)
    _, schemas = models_json_schema(
        [(m, "validation" if issubclass(m, Given) else "serialization") for m in ordered], ref_template=_REF
    )
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(f"/api/v1{one.path}", {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CMMC Artifact Tracker",
            "version": version("cmmc-tracker"),
            "description": "Errors are application/problem+json (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"session": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "session"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(one: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.id,
        "summary": one.summary,
        "tags": [one.path.split("/")[1]],
        "parameters": [*_path_values(one), *_query(one), *_headers(one)],
        "responses": {str(one.status): _success(one)},
    }
    for status in sorted({401, 403, *one.failures}):
        described["responses"][str(status)] = {
            "description": _MEANING[status],
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    if one.body is not None:
        described["requestBody"] = {
            "required": bool(_required(one.body)),
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=one.body.__name__)}}},
        }
    if one.form is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _multipart(one.form)}},
        }
    return described


def _required(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


def _multipart(model: type[Given]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF)
    schema.pop("additionalProperties", None)
    schema["properties"]["csrf_token"] = {"type": "string"}
    schema["properties"]["file"] = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema["required"] = [*schema.get("required", []), "file"]
    return schema


def _success(one: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {"description": "Done" if one.answer is None else one.answer.__doc__}
    if one.answer is not None:
        described["content"] = {"application/json": {"schema": {"$ref": _REF.format(model=one.answer.__name__)}}}
    if one.binary:
        described = {"description": "The bytes", "content": {"application/octet-stream": {}}}
    return described


def _path_values(one: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_VALUES[name].meaning,
            "schema": {"type": PATH_VALUES[name].type},
            "example": PATH_VALUES[name].example,
        }
        for name in one.path_values
    ]


def _query(one: Operation) -> list[dict[str, Any]]:
    names = list(one.query.model_fields) if one.query else []
    found = [{"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in names]
    if one.binary:
        found.append({"name": "file", "in": "query", "required": False, "schema": {"type": "string"}})
    return found


def _headers(one: Operation) -> list[dict[str, Any]]:
    found = []
    if one.method != "GET":
        found.append(("X-CSRF-Token", "The session's token; not needed with a Bearer token"))
    if one.versioned:
        found.append(("If-Match", 'The version that you have seen, such as "3"'))
    return [
        {"name": name, "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in found
    ]
