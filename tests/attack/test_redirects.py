"""Open redirects: whatever stands in an address, nobody is sent to another site."""

from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import create_environ, run_wsgi_app

from cmmc_tracker.gate.session import local_path
from cmmc_tracker.services.work import Tracker
from tests.conftest import PASSWORD, Person, add_account

HERE = "http://localhost/login"
TARGETS = [
    *("//evil.example", "///evil.example", "////evil.example", "//evil.example/%2e%2e", "//evil.example@localhost"),
    *(
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\\/evil.example",
        "/%5cevil.example",
        "/a\\..\\//evil",
    ),
    *(
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        " //evil.example",
        "/ /evil.example",
    ),
    *("/\r\nLocation: https://evil.example", "/%0d%0aLocation:%20https://evil.example", "/%0a//evil.example"),
    *(
        "https://evil.example",
        "https:evil.example",
        "https:/evil.example",
        "http:///evil.example",
        "HTTPS://evil.example",
    ),
    *(
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///x",
    ),
    *(
        "@evil.example",
        "evil.example",
        ".evil.example",
        "?//evil.example",
        "#//evil.example",
        "",
        " ",
        "/\0/evil.example",
    ),
    *("/\u2044evil.example", "/\uff0fevil.example", "\uff0f\uff0fevil.example", "/\u2028/evil.example", "/\u3002evil"),
    *("/..//evil.example", "/.//evil.example", "/;//evil.example", "/@evil.example", "/" + "a" * 5_000, "/" * 5_000),
    *("/%2f/evil.example", "/%2f%2fevil.example", "/.%2fevil.example", "/\u200b/evil.example", "/\ufeff//evil.example"),
]


def _leads_away(location: str) -> bool:
    """Whether a browser that is here and follows it ends on another site, or runs something."""
    as_browsers_read = location.strip().replace("\\", "/").translate({9: None, 10: None, 13: None})
    target = urlsplit(urljoin(HERE, as_browsers_read))
    return (target.scheme, target.netloc) != ("http", "localhost") or as_browsers_read.startswith("//")


@pytest.mark.parametrize("target", TARGETS)
def test_after_a_sign_in_nobody_is_sent_to_another_site(app: Flask, tracker: Tracker, target: str) -> None:
    add_account(tracker, "bo")
    bo = Person("bo", app.test_client())
    token = bo.token_of("/login")
    form = {"username": "bo", "password": PASSWORD}
    answer = bo.post("/login", form, token=token, query_string={"next": target})
    assert answer.status_code == 302
    assert not _leads_away(answer.headers["Location"]), answer.headers["Location"]
    again = bo.get("/login", query_string={"next": target})
    assert not _leads_away(again.headers["Location"])


def _asked(app: Flask, path: str) -> Headers:
    """The headers of the answer to a path, as a server that does not tidy paths hands it over."""
    environ = create_environ("/", base_url="http://localhost")
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    _, _, headers = run_wsgi_app(app, environ, buffered=True)
    return headers


@pytest.mark.parametrize("target", TARGETS)
def test_on_the_way_to_the_sign_in_and_back_nobody_is_sent_to_another_site(
    app: Flask, tracker: Tracker, target: str
) -> None:
    # The path that was asked for is what one goes back to.
    for path in (target, f"/systems/{target}", f"/artifacts/{target}"):
        asked = _asked(app, path)
        assert "Location" not in asked or not _leads_away(asked["Location"]), asked["Location"]
    answer = app.test_client().get("/artifacts", query_string={"q": target})
    assert answer.headers["Location"].startswith("/login?next=/artifacts")
    assert not _leads_away(answer.headers["Location"])


@pytest.mark.parametrize("target", TARGETS)
def test_after_a_form_nobody_is_sent_to_another_site(user: Person, target: str) -> None:
    user.upload("a.txt", b"hello")
    answer = user.post("/artifacts/1/link", {"objective": "3.1.1[a]", "next": target})
    assert answer.status_code == 302
    assert not _leads_away(answer.headers["Location"]), answer.headers["Location"]


@pytest.mark.parametrize(
    "target", ["/", "/artifacts", "/artifacts?q=a%20b&kind=log", "/systems/main/requirements#x", "/é"]
)
def test_a_path_of_this_site_is_gone_to(target: str) -> None:
    assert local_path(target) == target


def test_several_targets_do_not_add_up_to_one(app: Flask, user: Person) -> None:
    answer = user.get("/login?next=/&next=//evil.example")
    assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("path", ["/systems/main", "//systems/main", "/systems//main/requirements", "/login//code"])
def test_an_address_that_is_put_right_is_put_right_by_its_path_alone(app: Flask, path: str) -> None:
    environ = create_environ("/", base_url="http://evil.example", query_string="x=//evil.example")
    environ["PATH_INFO"] = path
    body, status, headers = run_wsgi_app(app, environ, buffered=True)
    assert status.startswith("308")
    assert headers["Location"].startswith(("/systems/main/", "/login/code"))
    assert b'href="http' not in b"".join(body)


@pytest.mark.parametrize(
    "query",
    [
        *("_scheme=javascript&_external=1", "_external=1", "_anchor=x", "_method=DELETE", "endpoint=x", "self=x"),
        *("cursor=//evil.example", "values=x", "a=1&a=2"),
    ],
)
def test_a_lists_next_page_takes_nothing_from_the_address_but_its_filters(admin: Person, query: str) -> None:
    for number in range(27):
        admin.upload(f"{number}.txt", b"%d" % number)
    for path in ("/artifacts", "/audit"):
        for more in ("", "&cursor=20"):
            answer = admin.get(f"{path}?{query}{more}")
            assert answer.status_code == (400 if "cursor=//" in query else 200), (path, more)
            assert "javascript:" not in answer.text.lower().replace("_scheme=javascript", "")
            assert 'href="http' not in answer.text
    following = admin.get("/artifacts?q=&a=1&a=2").text
    assert "a=1&amp;a=2&amp;cursor=" in following
