"""The API's operations: one declaration validates the input, builds the routes, and is the OpenAPI description.

An operation is a function decorated with `operation(...)`. It gets the path's values, and `body`, `form` or
`query` as the model that the declaration names; it returns a model, a Flask response, or None.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, make_response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cmmc_tracker.errors import Invalid, Malformed, UnsupportedType

Handler = Callable[..., Any]


class Given(BaseModel):
    """Base of everything that callers send: no unknown keys, no coercion of types."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """Only what the caller sent."""
        return self.model_dump(exclude_unset=True)


def one_of(words: Iterable[str | int]) -> dict[str, Any]:
    """What the description says of a field with few values. The domain checks them, with words of its own."""
    return {"enum": list(words)}


def kept_unless(schema: dict[str, Any]) -> Any:
    """A field that is left out to keep what stands there: it has no default, and null is refused."""

    def described(found: dict[str, Any]) -> None:
        found.clear()
        found.update(schema)

    return Field(default=None, json_schema_extra=described)


class Asked(BaseModel):
    """Base of query strings: text from the address, unknown keys ignored."""

    model_config = ConfigDict(extra="ignore")


class Shown(BaseModel):
    """Base of everything that is answered."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True, slots=True)
class PathValue:
    """A value in a path: Flask's converter, JSON type, and an example that exists in a new install where it can."""

    converter: str
    type: str
    example: str | int
    meaning: str


PATH_VALUES = {
    "slug": PathValue("string", "string", "main", "A system's short name"),
    "requirement": PathValue("string", "string", "AC.L2-3.1.1", "A requirement: CMMC or NIST number"),
    "letter": PathValue("string", "string", "a", "The objective's letter"),
    "objective": PathValue("string", "string", "AC.L2-3.1.1[a]", "An objective"),
    "item_id": PathValue("int", "integer", 1, "An item's number"),
    "report": PathValue("string", "string", "poam.xlsx", "A document's name"),
    "artifact_id": PathValue("int", "integer", 1, "An artifact's number"),
    "package_id": PathValue("int", "integer", 1, "A package's number in the whole installation"),
    "freeze_id": PathValue("int", "integer", 1, "A freeze's number in the whole installation"),
    "hold_id": PathValue("int", "integer", 1, "A legal hold's number"),
    "then_id": PathValue("int", "integer", 1, "The older package's number in the whole installation"),
    "view_id": PathValue("int", "integer", 1, "A view's number"),
    "question_id": PathValue("int", "integer", 1, "A question's number"),
    "number": PathValue("int", "integer", 1, "A version's number"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API. `path` is below `/api/v1`; `form` is multipart with a file where `file` says so.

    `without_file` are the sets of fields of which one must come where no file does; `accepted` is what 202 answers.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    status: int
    answer: type[BaseModel] | None
    body: type[Given] | None
    form: type[Given] | None
    file: bool
    query: type[Asked] | None
    failures: tuple[int, ...]
    binary: bool
    versioned: bool
    without_file: tuple[tuple[str, ...], ...]
    accepted: type[BaseModel] | None

    @property
    def id(self) -> str:
        """The operation's name."""
        return self.handler.__name__

    @property
    def path_values(self) -> list[str]:
        """The names of the path's values, in order."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


OPERATIONS: list[Operation] = []


def operation(
    method: str,
    path: str,
    summary: str,
    *,
    status: int = 200,
    answer: type[BaseModel] | None = None,
    body: type[Given] | None = None,
    form: type[Given] | None = None,
    file: bool = False,
    query: type[Asked] | None = None,
    failures: tuple[int, ...] = (),
    binary: bool = False,
    versioned: bool = False,
    without_file: tuple[tuple[str, ...], ...] = (),
    accepted: type[BaseModel] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare an operation. `failures` are the statuses that it may answer with besides those of any call."""

    def declared(handler: Handler) -> Handler:
        OPERATIONS.append(
            Operation(
                *(method, path, summary, handler, status, answer, body, form, file, query, failures),
                *(binary, versioned, without_file, accepted),
            )
        )
        return handler

    return declared


def mount(calls: Blueprint) -> None:
    """Add every declared operation to the blueprint."""
    for one in OPERATIONS:
        rule = one.path
        for name in one.path_values:
            rule = rule.replace(f"{{{name}}}", f"<{PATH_VALUES[name].converter}:{name}>")
        calls.add_url_rule(rule, endpoint=one.id, view_func=partial(_call, one), methods=[one.method])


def _call(one: Operation, **values: Any) -> Response:
    if one.query is not None:
        values["query"] = _parsed(one.query, request.args.to_dict())
    if one.body is not None:
        values["body"] = _parsed(one.body, _json())
    if one.form is not None:
        values["form"] = _parsed(one.form, _form(one.form))
    result = one.handler(**values)
    if isinstance(result, Response):
        return result
    response = make_response("" if result is None else result.model_dump_json(), one.status)
    if result is not None:
        response.mimetype = "application/json"
    return response


def _json() -> dict[str, Any]:
    """The body, read as RFC 8259 and RFC 7493 have it: UTF-8, no name twice, no number that is none."""
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return {}
    if request.mimetype not in {"", "application/json"}:
        raise UnsupportedType("Send JSON here, with Content-Type: application/json. Nothing was changed.")
    try:
        found = json.loads(request.data.decode(), object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Malformed("The body is not JSON that can be read. Nothing was changed.") from None
    if not isinstance(found, dict):
        raise Malformed("The body must be a JSON object. Nothing was changed.")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("The body gives the same name twice, so it is not clear what is meant. Nothing was changed.")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _form(model: type[Given]) -> dict[str, Any]:
    """The form's fields as the model wants them: lists for repeated fields, else the one value."""
    found: dict[str, Any] = {}
    for name, values in request.form.lists():
        field = model.model_fields.get(name)
        many = field is not None and "list" in str(field.annotation)
        if name == "csrf_token":
            continue
        if not many and len(values) > 1:
            raise Invalid({name: "This field was sent twice, so it is not clear what is meant."})
        found[name] = values if many else values[0]
    return found


def _parsed(model: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise Invalid({_where(e): _what(e) for e in error.errors()}) from None


def _where(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"])[:100] or "body"


def _what(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "There is no such field."
    if error["type"] == "missing":
        return "This field is needed."
    message = str(error["msg"])
    return f"{message[0].upper()}{message[1:]}."
