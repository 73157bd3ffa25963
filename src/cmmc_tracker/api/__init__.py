"""The JSON API, `/api/v1`: one file a resource, each declaring its operations; a new file is a new import here."""

from functools import cache

from flask import Blueprint, Flask, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from cmmc_tracker.api import artifacts, audit, exports, packages, poam, readiness, registry, systems, viewers
from cmmc_tracker.api.openapi import document

RESOURCES = [artifacts, audit, exports, packages, poam, readiness, systems, viewers]

_calls = Blueprint("api", __name__, url_prefix="/api/v1")
registry.mount(_calls)
_about = Blueprint("api_about", __name__, url_prefix="/api", template_folder="templates")


@_about.get("/openapi.json")
def openapi() -> Response:
    """The API's description, for programs."""
    return jsonify(_document())


@_about.get("/docs")
def docs() -> ResponseReturnValue:
    """The API's description, for people."""
    return render_template("api/docs.html", api=_document())


@cache
def _document() -> dict[str, object]:
    return document()


def join(app: Flask) -> None:
    """Add the API to the app."""
    app.register_blueprint(_calls)
    app.register_blueprint(_about)
