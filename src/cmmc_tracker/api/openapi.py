"""OpenAPI 3.1 from the operations' own declarations: what is described is what validates."""

from http import HTTPStatus
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
        "reference": {"type": "string", "description": "Stands in the tracker's log beside what happened"},
        "errors": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_MEANING = {
    400: "The request cannot be read",
    401: "Nobody is signed in, or the token is unknown, expired or revoked; a cookie beside a token does not count",
    403: "Not allowed: to this person, to a token that may only read, or because the CSRF token is missing",
    404: "No such thing, or not for you",
    409: "A rule forbids it",
    412: "Somebody else changed it since If-Match was read; nothing changed",
    413: "Larger than the tracker takes",
    415: "A type that is not taken, or content that contradicts its name",
    416: "The range is not in the file",
    422: "A field is wrong; `errors` says which",
    429: "Too many tries, or too much at once; `Retry-After` says in how many seconds it goes on",
    503: "The database or the store cannot answer just now; trying again may help",
    507: "No space; nothing was kept",
}


_BEARER = (
    "An API token, made under the profile: `Authorization: Bearer cmmc_…`. It has an end, may read only or also write, "
    "and never more than its owner. It needs no CSRF token, and opens the API alone."
)
_SESSION = (
    "The cookie of somebody signed in, `__Host-session` in production. State-changing calls carry the session's token "
    "in `X-CSRF-Token`, a multipart one also in the field `csrf_token` before the file."
)
# What any call may be answered with, whatever it declares: who asks is judged first, and the database may be away.
_ALWAYS = frozenset({401, 403, 429, 503})
_RETRY = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}


def document() -> dict[str, Any]:
    """The whole description."""
    models = {m for one in OPERATIONS for m in (one.answer, one.accepted, one.body, one.form) if m is not None}
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
                "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": _SESSION},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "cmmc_…", "description": _BEARER},
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
    read = {400, 415} if one.body is not None else set()
    if one.accepted is not None:
        described["responses"]["202"] = _told(one.accepted)
    for status in sorted({*_ALWAYS, *read, *one.failures}):
        described["responses"][str(status)] = _failure(status)
    if one.body is not None:
        described["requestBody"] = {
            "required": bool(_required(one.body)),
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=one.body.__name__)}}},
        }
    if one.form is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"multipart/form-data": {"schema": _multipart(one.form, one.without_file)}},
        }
    return described


def _failure(status: int) -> dict[str, Any]:
    described = {
        "description": _MEANING[status],
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return {**described, "headers": _RETRY} if status == HTTPStatus.TOO_MANY_REQUESTS else described


def _required(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


def _multipart(model: type[Given], without_file: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REF)
    schema.pop("additionalProperties", None)
    schema["properties"]["csrf_token"] = {"type": "string"}
    schema["properties"]["file"] = {"type": "string", "contentMediaType": "application/octet-stream"}
    if without_file:
        schema["anyOf"] = [{"required": ["file"]}, *({"required": list(fields)} for fields in without_file)]
    else:
        schema["required"] = [*schema.get("required", []), "file"]
    return schema


def _success(one: Operation) -> dict[str, Any]:
    if one.binary:
        return {"description": "The bytes", "content": {"*/*": {}}}
    return {"description": "Done"} if one.answer is None else _told(one.answer)


def _told(answer: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(model=answer.__name__)}}}
    return {"description": answer.__doc__, "content": content}


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
