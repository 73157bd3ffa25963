"""The store's disk fails (EIO) or is full (ENOSPC) at each step of a write, and at reading; injected below it."""

import contextlib
import errno
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from cmmc_tracker.app import build
from cmmc_tracker.config import read
from cmmc_tracker.errors import TrackerError
from cmmc_tracker.services import verify
from cmmc_tracker.services.backups import making
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.blobs import FolderBlobs
from cmmc_tracker.storage.database import make_engine
from cmmc_tracker.storage.stores import place_of
from tests.conftest import OPERATOR, Person, add_account, prepare
from tests.faults.site import CLEAR, EXPECTED


def _fails(code: int) -> Any:
    return mock.Mock(side_effect=OSError(code, os.strerror(code)))


@contextlib.contextmanager
def _making(code: int) -> Iterator[None]:
    real = os.open

    def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_EXCL and ".incoming" in str(path):
            raise OSError(code, os.strerror(code))
        return real(path, flags, *more, **named)

    with mock.patch("os.open", opened):
        yield


@contextlib.contextmanager
def _writing(code: int) -> Iterator[None]:
    real = os.fdopen

    def opened(descriptor: int, *more: Any, **named: Any) -> Any:
        file = real(descriptor, *more, **named)
        return mock.Mock(wraps=file, write=_fails(code)) if more and more[0] == "r+b" else file

    with mock.patch("os.fdopen", opened):
        yield


STEPS = {
    "making the file": _making,
    "writing": _writing,
    "fsync": lambda code: mock.patch("os.fsync", _fails(code)),
    "naming it": lambda code: mock.patch("os.link", _fails(code)),
    "fsync of the folder": lambda code: mock.patch("cmmc_tracker.storage.disk.sync_path", _fails(code)),
}
KINDS = ("upload", "version", "page upload", "archive", "freeze")


class _House:
    """An application in this process, so that its disk can be made to fail."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder}/cmmc.db"
        prepare(url, folder)
        self.engine = make_engine(url)
        self.tracker = Tracker(self.engine, FolderBlobs(folder / "uploads"))
        settings = read({"FLASK_SECRET": "s" * 40, "CMMC_DATA_DIR": str(folder), "DATABASE_URL": url})
        add_account(self.tracker, "ada", "admin")
        self.ada = Person("ada", build(settings, self.tracker).test_client())
        self.ada.sign_in()
        self.number = 0
        assert self.write("upload").status_code == 201

    def write(self, kind: str) -> Any:
        """One write with bytes that nobody sent before."""
        self.number += 1
        content, ada = f"evidence {self.number}".encode(), self.ada
        if kind == "upload":
            return ada.upload(f"{self.number}.txt", content)
        if kind == "freeze":
            return ada.call("POST", "/systems/main/packages", {"name": f"p{self.number}", "reason": "a drill"})
        data: dict[str, Any] = {"csrf_token": ada.token, "file": (io.BytesIO(content), "a.txt")}
        if kind == "version":
            path = "/api/v1/artifacts/1/versions"
            return ada.client.post(path, data=data, headers={"X-CSRF-Token": ada.token})
        data |= {"title": "a", "system": "main"}
        if kind == "page upload":
            return ada.client.post("/artifacts/upload", data=data)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("3.1.1[a] a.txt", content)
        data["file"] = (io.BytesIO(packed.getvalue()), "a.zip")
        return ada.client.post("/artifacts/import", data=data)

    def content(self) -> None:
        """Nothing is there by half."""
        report = verify.run(self.tracker)
        assert report.problems == [], report.problems


def _write(code: int) -> Any:
    def act(folder: Path) -> str:
        house, told = _House(folder), []
        for step, failing in STEPS.items():
            for kind in KINDS:
                with failing(code):
                    answer = house.write(kind)
                if kind != "freeze" or answer.status_code != 201:  # a freeze of few rows writes through no such step
                    assert answer.status_code in EXPECTED, f"{kind}, {step}: {answer.status_code} {answer.text[-600:]}"
                    assert CLEAR.search(answer.text), f"{kind}, {step}: {answer.text[-600:]}"
                told.append(answer.status_code)
                answer = house.write(kind)
                assert answer.status_code < 400, f"{kind} after {step}: {answer.status_code} {answer.text[-600:]}"
            house.content()
        house.engine.dispose()
        return ", ".join(f"{told.count(one)} × {one}" for one in sorted(set(told)))

    return act


def _read(folder: Path) -> str:
    house = _House(folder)
    sha256 = next(iter(house.tracker.blobs.names()))
    real = Path.open

    def opened(path: Path, *more: Any, **named: Any) -> Any:
        if path.name == sha256:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *more, **named)

    with mock.patch.object(Path, "open", opened), mock.patch("builtins.open", _builtin(sha256)):
        for path in ("/api/v1/artifacts/1/versions/1/content", "/uploads/1/1/1.txt"):
            answer = house.ada.get(path)
            assert answer.status_code == 503, f"{path}: {answer.status_code}"
            assert CLEAR.search(answer.text), answer.text
        assert house.ada.get("/artifacts/1").status_code in {200, 503}
        problems = verify.run(house.tracker).problems
        assert len(problems) == 1, problems
        assert "Unreadable" in problems[0], problems
        try:
            made = making.run(house.tracker, OPERATOR, place_of(folder / "backup")[0], told={})
            assert made.problems, "a backup says nothing of what cannot be read"
        except TrackerError:
            pass
    house.content()
    house.engine.dispose()
    return "503 for who reads it; named by verify and by the backup; content again when the disk is"


def _builtin(sha256: str) -> Any:
    real = open

    def opened(file: Any, *more: Any, **named: Any) -> Any:
        if str(file).endswith(sha256):
            raise OSError(errno.EIO, "Input/output error")
        return real(file, *more, **named)

    return opened


CASES = [
    ("the store cannot be written (EIO), at each step", _write(errno.EIO)),
    ("the store is full (ENOSPC), at each step", _write(errno.ENOSPC)),
    ("the store cannot be read (EIO)", _read),
]
