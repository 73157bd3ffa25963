"""Addresses are kept as they were made, and are nevertheless those of who asks, where they ask."""

import pytest
from flask import Flask, g, url_for
from werkzeug.routing import BuildError


def test_the_same_link_leads_into_the_system_that_is_open(app: Flask) -> None:
    for slug in ("one", "two", "one"):
        with app.test_request_context(f"/systems/{slug}/poam"):
            g.slug = slug
            assert url_for("poam.show", item_id=7) == f"/systems/{slug}/poam/7"
            assert url_for(".show", item_id=7, _anchor="x") == f"/systems/{slug}/poam/7#x"


def test_the_same_link_stays_below_the_path_where_a_proxy_shows_the_application(app: Flask) -> None:
    for root in ("", "/tracker", ""):
        with app.test_request_context("/artifacts", environ_overrides={"SCRIPT_NAME": root}):
            assert url_for("artifacts.index") == f"{root}/artifacts"


def test_values_that_are_alike_make_the_addresses_they_always_made(app: Flask) -> None:
    with app.test_request_context("/"):
        made = [url_for("artifacts.index", page=value) for value in (1, True, 1.0, "1", [1, 2], None)]
        given = ("?page=1", "?page=True", "?page=1.0", "?page=1", "?page=1&page=2", "")
        assert made == [f"/artifacts{query}" for query in given]
        assert url_for("artifacts.index", _external=True) == "http://localhost/artifacts"
        for _ in range(2):
            with pytest.raises(BuildError):
                url_for("artifacts.nowhere")


def test_what_is_kept_is_bounded(app: Flask) -> None:
    with app.test_request_context("/"):
        for number in range(5_000):
            url_for("artifacts.index", q=f"word {number}")
    assert app._address.cache_info().currsize == 4_096  # type: ignore[attr-defined]


def test_an_address_that_lets_in_who_has_it_is_not_kept(app: Flask) -> None:
    with app.test_request_context("/"):
        assert url_for("links.show", token="x" * 43) == f"/link/{'x' * 43}"
    assert app._address.cache_info().currsize == 0  # type: ignore[attr-defined]
