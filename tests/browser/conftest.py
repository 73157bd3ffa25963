"""A real server and a real Chromium. Each test has its own installation on the database under test."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import warm

PASSWORD = "Correct-Horse-Battery-9"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
expect.set_options(timeout=20_000)  # a machine that is busy with others is no failure of the page
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs a browser."""
    for item in items:
        if "tests/browser" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@dataclass(frozen=True)
class Served:
    """A running installation: its address, its set-up link, its environment for commands."""

    url: str
    link: str
    environment: dict[str, str]

    def command(self, *words: str, given: str = "") -> warm.Ran:
        """Run `cmmc-tracker` on the same installation."""
        return warm.run(*words, env=self.environment, typed=given)


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[Served]:
    """The program as a person starts it, on a free port."""
    environment = {
        **os.environ,
        "CMMC_DATA_DIR": str(tmp_path),
        "DATABASE_URL": database_url,
        "FLASK_SECRET": "s" * 40,
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "cmmc_tracker", "serve", "--port", "0", "--workers", "1"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = re.search(r"http://\S+", server.stdout.readline())
    server.stdout.readline()
    link = server.stdout.readline().strip()
    assert url
    yield Served(url[0], link, environment)
    server.terminate()
    assert server.wait(timeout=20) == 0
    server.stdout.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    program = os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    assert program, "no Chromium; set TEST_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens a tab in a fresh profile; at the end no tab may have said anything on its console."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def opened(width: int = 1280, height: int = 900, **more: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, base_url=served.url, **more)
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    # The browser itself reports answers of 4xx that a test provoked, and that it did what signing out asks for (only
    # newer ones say so); everything else is ours.
    done = re.compile(r"status of 4|^Clear-Site-Data header on '[^']*/logout': Cleared data types: ")
    assert [text for text in said if not done.search(text)] == []


def sign_in(page: Page, name: str = "ada") -> None:
    """Sign in by the form."""
    page.goto("/login")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/")


@pytest.fixture
def ada(served: Served) -> Served:
    """The installation with its administrator Ada."""
    assert served.command("user", "add", "ada", "--role", "admin", "--password-stdin", given=PASSWORD).returncode == 0
    return served
