"""Diagrams in the front binder: drawn anew, bounded, the same each time, and gone with a spill."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageDraw
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.domain.permissions import Actor
from cmmc_tracker.errors import Busy, Conflict
from cmmc_tracker.reports.binder_pdf import DIAGRAMS
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services import exports, picture_child, spill, spill_plan, verify
from cmmc_tracker.services.handoff import diagrams, documents, packages, sealing, stream
from cmmc_tracker.services.spill_plan import Wanted
from cmmc_tracker.services.work import Tracker
from tests.conftest import OPERATOR
from tests.reports.test_papers import words
from tests.services.evidence import FIRST, made, somebody

ASKED = Asked("Of record", Purpose.FINAL, "as it is", releasable=False)


@pytest.fixture
def bo(tracker: Tracker) -> Actor:
    """Bo works in `main`."""
    return somebody(tracker, "bo")


def _picture(kind: str = "PNG", size: tuple[int, int] = (300, 200), **how: Any) -> bytes:
    image = Image.new(how.pop("mode", "RGB"), size, how.pop("color", "navy"))
    ImageDraw.Draw(image).line((0, 0, *size), fill="white", width=3)
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def _bomb() -> bytes:
    """A PNG that says it is 60,000 pixels wide and high."""

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def _snapshot(tracker: Tracker, actor: Actor) -> dict[str, Any]:
    with tracker.read(actor) as work:
        return packages.picture(work, actor.systems["main"])


def _images(made_pdf: bytes) -> int:
    pages = pypdfium2.PdfDocument(made_pdf)
    return sum(len(list(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))) for page in pages)


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (_picture(), (300, 200)),
        (_picture(size=(4_000, 1_000)), (1_600, 400)),
        (_picture(mode="RGBA", color=(0, 0, 0, 0)), (300, 200)),
        (_picture(mode="P"), (300, 200)),
        (_picture("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"), (200, 300)),
    ],
    ids=["plain", "large", "clear", "palette", "turned"],
)
def test_a_picture_is_drawn_anew_upright_on_white_and_small_enough(
    request: pytest.FixtureRequest, tracker: Tracker, bo: Actor, content: bytes, size: tuple[int, int]
) -> None:
    name = "plan.jpg" if content.startswith(b"\xff\xd8") else "plan.png"
    made(tracker, bo, (name, content + b"behind the end"), to=(FIRST,), kind="diagram")
    snapshot = _snapshot(tracker, bo)
    (drawn,) = diagrams.of(tracker.blobs, snapshot).values()
    assert (drawn.width, drawn.height) == size
    assert b"behind the end" not in drawn.data
    shown = Image.open(io.BytesIO(drawn.data))
    assert shown.size == size
    assert shown.mode in {"RGB", "L"}
    assert not shown.getexif()
    if "clear" in request.node.name:
        assert shown.getpixel((5, 150)) == (255, 255, 255)


def test_the_binder_shows_it_with_its_place_the_same_each_time_and_a_pdf_by_name(tracker: Tracker, bo: Actor) -> None:
    made(tracker, bo, ("plan.png", _picture()), to=(FIRST,), kind="diagram", title="Network")
    made(tracker, bo, ("plan.pdf", b"%PDF-1.7 nothing"), to=(FIRST,), kind="diagram", title="Rack")
    made(tracker, bo, ("other.png", _picture(color="red")), to=(FIRST,), title="No diagram")
    snapshot = _snapshot(tracker, bo)
    first, again = (
        REPORTS["binder.pdf"].make({**snapshot, DIAGRAMS: diagrams.of(tracker.blobs, snapshot)}) for _ in range(2)
    )
    assert first == again
    assert _images(first) == 1
    said = words(first)
    assert "Network, version 1: artifacts/AC/AC.L2-3.1.1/a Network.png" in said
    assert "artifacts/AC/AC.L2-3.1.1/a Rack.pdf" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [("bomb.png", _bomb()), ("cut.png", _picture()[:90]), ("cut.jpg", _picture("JPEG")[:60])],
    ids=["a bomb", "a cut PNG", "a cut JPEG"],
)
def test_what_cannot_be_drawn_safely_is_named_and_stops_nothing(
    tracker: Tracker, bo: Actor, name: str, content: bytes
) -> None:
    made(tracker, bo, (name, content), to=(FIRST,), kind="diagram", title="Network")
    with tracker.read(bo) as work:
        binder = exports.document(work, bo.systems["main"], "binder.pdf").content
    assert _images(binder) == 0
    assert "a Network." in words(binder)


def test_altered_bytes_are_not_shown_and_many_pictures_have_a_bound(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        made(tracker, bo, (f"{number}.png", _picture(size=(40 + number, 30))), to=(FIRST,), kind="diagram")
    snapshot = _snapshot(tracker, bo)
    first, *rest = (one["files"][0]["sha256"] for one in snapshot["artifacts"])
    path = tracker.blobs.place(first)
    path.chmod(0o600)
    path.write_bytes(_picture(size=(90, 90)))
    monkeypatch.setattr(diagrams, "MOST", 1)
    assert list(diagrams.of(tracker.blobs, snapshot)) == rest[:1]
    monkeypatch.setattr(diagrams, "_PATIENCE", 0.01)
    with diagrams._children, diagrams._children, pytest.raises(Busy):
        diagrams.of(tracker.blobs, snapshot)


def test_pictures_that_cannot_be_drawn_do_not_let_ever_more_be_tried(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        made(tracker, bo, (f"{number}.png", _picture(size=(40 + number, 30))[:90]), to=(FIRST,), kind="diagram")
    snapshot, tried = _snapshot(tracker, bo), []
    monkeypatch.setattr("cmmc_tracker.services.child.run", lambda *_, **__: (tried.append(1), (1, b""))[1])
    monkeypatch.setattr(diagrams, "TRIED", 3)
    assert diagrams.of(tracker.blobs, snapshot) == {}
    assert len(tried) == 3


def test_a_child_that_answers_otherwise_than_it_was_asked_shows_nothing(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tracker, bo, ("plan.png", _picture()), to=(FIRST,), kind="diagram")
    snapshot = _snapshot(tracker, bo)
    answers: list[tuple[int, bytes]] = [
        (0, b"PICTURE 0 5\n\x89PNG\r\n\x1a\n"),
        (0, b"PICTURE 5 5\nGIF89a"),
        (0, b""),
        (picture_child.TOO_LARGE, b""),
        (-9, b"PICTURE 5 5\n\x89PNG\r\n\x1a\n"),
        (0, b"x" * (diagrams.ANSWER_BYTES + 1)),
    ]
    for answer in answers:
        answered: Callable[..., tuple[int, bytes]] = lambda *_, said=answer, **__: said  # noqa: E731
        monkeypatch.setattr("cmmc_tracker.services.child.run", answered)
        assert diagrams.of(tracker.blobs, snapshot) == {}


def test_a_spill_empties_the_binder_that_shows_it_and_verify_knows_why(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: REPORTS[name] for name in ("binder.pdf", "sprs.json")}
    monkeypatch.setattr(documents, "REPORTS", some)
    artifact = made(tracker, bo, ("plan.png", _picture()), to=(FIRST,), kind="diagram")
    frozen = packages.freeze(tracker, bo, "", bo.systems["main"], ASKED)
    with tracker.read() as work:
        names = [one.path for one in sealing.members(work, frozen.id)]
        place = names.index("documents/binder.pdf") + 1
        assert _images(sealing.content(work, frozen.id, place)) == 1
    wanted = Wanted.parse(artifact, None, "a drawing of a customer")
    spill.spill(tracker, OPERATOR, wanted, spill_plan.plan(tracker, OPERATOR, wanted), everywhere=False)
    with tracker.read() as work:
        assert sealing.content(work, frozen.id, place) == b""
        assert sealing.content(work, frozen.id, place + 1) != b""
    assert verify.run(tracker).problems == []
    with pytest.raises(Conflict, match=r"binder\.pdf: taken out with a spill"):
        stream.opened(tracker, frozen)
