"""Rooms of one system: their addresses begin with it, and nobody enters who does not work there."""

from typing import Any

from flask import Blueprint, g

from cmmc_tracker.gate.doors import system


def system_room(name: str, import_name: str, below: str = "") -> Blueprint:
    """A room below `/systems/<slug>`.

    `g.slug` and `g.system` are set before any of its pages runs, strangers to the system get 404 before anything
    else, its functions take no slug, and its own links stay within the system.

    name: of the room in `url_for`; import_name: `__name__` of its module; below: its path there, as in "/poam".
    """
    room = Blueprint(name, import_name, url_prefix=f"/systems/<slug>{below}")

    @room.url_value_preprocessor
    def _name_system(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values is not None:
            g.slug = values.pop("slug")

    @room.before_request
    def _open_system() -> None:
        g.system = system(g.slug)

    @room.url_defaults
    def _same_system(_endpoint: str, values: dict[str, Any]) -> None:
        if "slug" in g:
            values.setdefault("slug", g.slug)

    return room
