"""Imports as programs use them: archives into artifacts, registers into changes, resumed, bounded, and forgotten."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import openpyxl
import pytest
from sqlalchemy import func, select

from cmmc_tracker.domain.permissions import Access, Actor, Right, Role
from cmmc_tracker.errors import Busy, Conflict, Forbidden, Invalid, NotFound, Stale
from cmmc_tracker.importers.register import Action
from cmmc_tracker.services import artifact_views, imports, intake, registers, trash
from cmmc_tracker.services.artifacts import Received, create
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.tables import artifacts, blobs
from cmmc_tracker.storage.tables import imports as table
from tests.conftest import Clock, add_account

MOST = 50_000_000
_COLUMNS = "title,kind,objectives,owner,location,sha256"


def zipped(*members: tuple[str, bytes]) -> bytes:
    """An archive of these files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def bo(tracker: Tracker, main: Access) -> Actor:
    """Bo works in `main`."""
    return Actor(add_account(tracker, "bo"), "bo", Role.USER, {"main": main})


def _kept(tracker: Tracker, name: str, content: bytes) -> Received:
    incoming = tracker.blobs.receive()
    incoming.write(content)
    received = intake.take_in(Sender(tracker), incoming, name)
    incoming.close()
    return received


def _begun(tracker: Tracker, actor: Actor, name: str, content: bytes) -> int:
    received = _kept(tracker, name, content)
    home = actor.systems["main"]
    imports.check(tracker.blobs, home, received, MOST)
    with tracker.write(actor) as work:
        return imports.begin(work, home, received, imports.kind_of(name))


def _preview(tracker: Tracker, actor: Actor, number: int) -> imports.Preview:
    with tracker.read(actor) as work:
        found, there = imports.of(work, number), imports.taken(work, number)
    return imports.archive_plan(tracker.blobs, found, MOST, there)


def _take(tracker: Tracker, actor: Actor, number: int, *, link: bool = True) -> imports.Taken:
    with tracker.read(actor) as work:
        found = imports.of(work, number)
    chosen = {one.start: link for one in _preview(tracker, actor, number).members}
    return imports.take_archive(Sender(tracker, actor), number, chosen, found.sha256, MOST)


def _count(tracker: Tracker) -> int:
    with tracker.read() as work:
        return int(work.db.execute(select(func.count()).select_from(artifacts)).scalar_one())


def test_an_archive_is_planned_and_nothing_is_made_of_it_before_it_is_confirmed(tracker: Tracker, bo: Actor) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("3.1.1/[a] rules.txt", b"a"), ("other.txt", b"b")))
    first, second = _preview(tracker, bo, number).members
    assert (first.title, [str(one) for one in first.objectives]) == ("rules", ["AC.L2-3.1.1[a]"])
    assert (second.title, second.objectives) == ("other", ())
    assert _count(tracker) == 0


def test_an_archive_becomes_artifacts_that_are_linked_where_it_was_chosen(tracker: Tracker, bo: Actor) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("3.1.1/[a] rules.txt", b"a"), ("3.1.2[b] b.txt", b"b")))
    first, second = _preview(tracker, bo, number).members
    with tracker.read(bo) as work:
        sha256 = imports.of(work, number).sha256
    result = imports.take_archive(Sender(tracker, bo), number, {first.start: True, second.start: False}, sha256, MOST)
    assert result.done
    with tracker.read(bo) as work:
        one, other = (artifact_views.one(work, o.artifact_id or 0) for o in result.outcomes)
    assert [str(link.objective) for link in one.links] == ["AC.L2-3.1.1[a]"]
    assert (one.title, other.title, other.links) == ("rules", "b", ())


def test_an_import_is_its_senders_alone_and_only_while_the_system_is_theirs(
    tracker: Tracker, bo: Actor, main: Access, actor: Actor
) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a")))
    eve = replace(bo, id=add_account(tracker, "eve"), name="eve")
    gone, reader = replace(bo, systems={}), replace(bo, systems={"main": replace(main, rights=frozenset({Right.VIEW}))})
    for one, error in ((eve, NotFound), (actor, NotFound), (gone, NotFound), (reader, Forbidden)):
        with tracker.read(one) as work, pytest.raises(error):
            imports.of(work, number)
        with pytest.raises(error):
            imports.take_archive(Sender(tracker, one), number, {}, "", MOST)
    with tracker.read(reader) as work, pytest.raises(Forbidden):
        imports.begin(work, reader.systems["main"], Received("a.zip", "application/zip", "a" * 64, 1), "archive")


def test_what_failed_stops_no_other_and_what_is_done_is_not_done_twice(tracker: Tracker, bo: Actor) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a"), ("b.png", b"no picture"), ("c.txt", b"c")))
    result = _take(tracker, bo, number)
    assert [bool(one.problem) for one in result.outcomes] == [False, True, False]
    assert result.done
    with pytest.raises(Conflict):
        _take(tracker, bo, number)
    assert _count(tracker) == 2


def test_a_crash_in_the_middle_leaves_an_import_that_goes_on_where_it_was(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(*((f"{n}.txt", b"%d" % n) for n in range(6))))
    real, calls = intake.take_in, []

    def dies(*given: object, **more: object) -> Received:
        calls.append(1)
        if len(calls) == 4:
            raise SystemExit("killed")
        return real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "take_in", dies)
    with pytest.raises(SystemExit):
        _take(tracker, bo, number)
    assert _count(tracker) == 3
    assert sum(one.artifact_id is not None for one in _preview(tracker, bo, number).members) == 3
    result = _take(tracker, bo, number)
    assert (len(result.outcomes), result.done) == (3, True)
    assert _count(tracker) == 6


def test_one_request_takes_so_much_and_the_next_goes_on(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(*((f"{n}.txt", b"%d" % n) for n in range(5))))
    monkeypatch.setattr(imports, "MOST_FILES", 2)
    assert [(r.left, r.done) for r in (_take(tracker, bo, number) for _ in range(3))] == [
        (3, False),
        (1, False),
        (0, True),
    ]
    assert _count(tracker) == 5
    monkeypatch.setattr(imports, "MOST_SECONDS", -1.0)
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"x"), ("b.txt", b"y")))
    assert _take(tracker, bo, number).left == 1  # at least one: it always gets on


def test_the_scanner_that_is_away_leaves_the_import_open(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a")))

    def away(*given: object, **more: object) -> Received:
        raise Busy("away")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "take_in", away)
        result = _take(tracker, bo, number)
        assert (result.done, result.outcomes[0].problem, result.outcomes[0].again) == (False, "away", True)
    assert _take(tracker, bo, number).done


def test_two_windows_do_not_take_the_same_archive_at_once(tracker: Tracker, bo: Actor) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a")))
    with imports._alone(Sender(tracker, bo)), pytest.raises(Busy, match="another window"):
        _take(tracker, bo, number)
    with tracker.read(bo) as work:
        found = imports.of(work, number)
    member = _preview(tracker, bo, number).members[0]
    received = _kept(tracker, "a.txt", b"a")
    with tracker.write(bo) as work:
        made = imports._made(work, found, member, received, link=True)
    with tracker.write(bo) as work:
        assert imports._made(work, found, member, received, link=True) == made
    assert _count(tracker) == 1


def test_a_page_of_another_archive_chooses_nothing(tracker: Tracker, bo: Actor) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a")))
    with pytest.raises(Stale):
        imports.take_archive(Sender(tracker, bo), number, {}, "b" * 64, MOST)


def test_a_forgotten_imports_number_does_not_pass_on_what_was_taken(tracker: Tracker, bo: Actor, clock: Clock) -> None:
    """SQLite gives it out again."""
    first = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a")))
    assert _take(tracker, bo, first).done
    assert imports.forget_old(tracker) == 0
    clock.forward(minutes=11)
    assert imports.forget_old(tracker) == 1
    second = _begun(tracker, bo, "b.zip", zipped(("b.txt", b"b")))
    assert [one.artifact_id for one in _preview(tracker, bo, second).members] == [None]
    assert _take(tracker, bo, second).outcomes[0].artifact_id == 2


def test_an_import_is_forgotten_after_a_day_with_its_bytes_unless_an_artifact_has_them(
    tracker: Tracker, bo: Actor, clock: Clock, main: Access
) -> None:
    number = _begun(tracker, bo, "a.zip", zipped(("a.txt", b"a")))
    with tracker.read(bo) as work:
        sha256 = imports.of(work, number).sha256
    assert imports.forget_old(tracker) == 0
    received = _kept(tracker, "b.zip", zipped(("b.txt", b"b")))
    with tracker.write(bo) as work:
        create(work, main, [received], {"title": "b"})
        imports.begin(work, main, received, imports.ARCHIVE)
    clock.forward(days=1, seconds=1)
    with tracker.read(bo) as work, pytest.raises(NotFound):
        imports.of(work, number)
    assert imports.forget_old(tracker) == 2
    assert imports.forget_old(tracker) == 0
    with tracker.read() as work:
        assert [row.sha256 for row in work.rows(select(blobs.c.sha256))] == [received.sha256]
        assert work.rows(select(table)) == []
    with pytest.raises(NotFound):
        tracker.blobs.path(sha256)
    tracker.blobs.path(received.sha256)


def test_the_trash_leaves_bytes_that_an_import_needs(tracker: Tracker, bo: Actor, main: Access) -> None:
    content = zipped(("a.txt", b"a"))
    number = _begun(tracker, bo, "a.zip", content)
    with tracker.write(bo) as work:
        made = create(work, main, [_kept(tracker, "a.zip", content)], {"title": "b"})
        hashes = trash.bury(work, made, trash.PURGED)
    assert trash.let_go(tracker, hashes) == []
    assert _take(tracker, bo, number).done


def _register(tracker: Tracker, bo: Actor, *lines: str) -> int:
    return _begun(tracker, bo, "register.csv", "\n".join((_COLUMNS, *lines)).encode())


def _plan(tracker: Tracker, actor: Actor, number: int) -> registers.RegisterPlan:
    with tracker.read(actor) as work:
        found = imports.of(work, number)
    rows = imports.rows_of(tracker.blobs, found.sha256, found.filename)
    with tracker.read(actor) as work:
        return registers.register_plan(work, found, rows)


def _apply(tracker: Tracker, actor: Actor, number: int, shown: str = "") -> int:
    plan = _plan(tracker, actor, number)
    rows = {row.number for row in plan.rows}
    return registers.apply_register(Sender(tracker, actor), number, rows, shown or registers.digest(plan))[0]


@pytest.fixture
def two(tracker: Tracker, bo: Actor, main: Access) -> None:
    """Artifacts 1 and 2: Rules, Logs."""
    for name in ("Rules", "Logs"):
        with tracker.write(bo) as work:
            create(work, main, [_kept(tracker, f"{name}.txt", name.encode())], {"title": name})


@pytest.mark.usefixtures("two")
def test_a_register_changes_what_it_names_registers_what_is_elsewhere_and_refuses_the_rest(
    tracker: Tracker, bo: Actor
) -> None:
    elsewhere = f"Far,,,,https://x.example/a,{'a' * 64}"
    number = _register(tracker, bo, 'Rules,Policy,"3.1.1[a]; 3.1.2[b]",BO,,', "Logs,,,,,", "Nothing,,,,,", elsewhere)
    plan = _plan(tracker, bo, number)
    assert [row.action for row in plan.rows] == [Action.CHANGE, Action.NOTHING, Action.REFUSE, Action.CREATE]
    assert _apply(tracker, bo, number) == 2
    with tracker.read(bo) as work:
        one, far = artifact_views.one(work, 1), artifact_views.one(work, 3)
    assert (far.title, far.current.files[0].location, far.current.files[0].size) == ("Far", "https://x.example/a", None)
    assert (one.kind, one.owner) == ("policy", "bo")
    assert sorted(str(link.objective) for link in one.links) == ["AC.L2-3.1.1[a]", "AC.L2-3.1.2[b]"]
    with pytest.raises(Conflict):
        _apply(tracker, bo, number)


@pytest.mark.usefixtures("two")
def test_a_plan_that_is_no_longer_so_is_not_done(tracker: Tracker, bo: Actor) -> None:
    number = _register(tracker, bo, "Rules,Policy,,,,", "Logs,Log,,,,")
    seen = registers.digest(_plan(tracker, bo, number))
    with tracker.write(bo) as work:
        registers.editing.edit(work, 1, {"kind": "plan"})
    with pytest.raises(Stale):
        _apply(tracker, bo, number, seen)
    with tracker.read(bo) as work:
        assert [artifact_views.one(work, n).kind for n in (1, 2)] == ["plan", "other"]
    assert _apply(tracker, bo, number) == 2


@pytest.mark.usefixtures("two")
def test_a_register_is_done_whole_or_not_at_all(tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    number = _register(tracker, bo, "Rules,Policy,,,,", "Logs,Log,,,,")
    real: Callable[..., None] = registers.editing.edit

    def fails(work: object, artifact_id: int, *given: object) -> None:
        if artifact_id == 2:
            raise Busy("in the middle")
        real(work, artifact_id, *given)

    with monkeypatch.context() as patch:
        patch.setattr(registers.editing, "edit", fails)
        with pytest.raises(Busy):
            _apply(tracker, bo, number)
    with tracker.read(bo) as work:
        assert artifact_views.one(work, 1).kind == "other"
    assert _apply(tracker, bo, number) == 2
    with pytest.raises(Conflict):
        _apply(tracker, bo, number)


@pytest.mark.usefixtures("two")
def test_no_row_is_no_change(tracker: Tracker, bo: Actor) -> None:
    number = _register(tracker, bo, "Rules,Policy,,,,")
    plan = _plan(tracker, bo, number)
    with pytest.raises(Invalid, match="Choose 1 to 1,000 rows"):
        registers.apply_register(Sender(tracker, bo), number, {99}, registers.digest(plan))


@pytest.mark.usefixtures("two")
def test_a_workbook_is_a_register_too(tracker: Tracker, bo: Actor) -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["File", "Objectives"])
    workbook.active.append(["Rules.txt", "3.1.1[a]"])
    file = io.BytesIO()
    workbook.save(file)
    assert _apply(tracker, bo, _begun(tracker, bo, "register.xlsx", file.getvalue())) == 1


@pytest.mark.usefixtures("two")
def test_more_rows_than_one_work_takes_are_done_in_turns(
    tracker: Tracker, bo: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "MOST_ROWS", 1)
    number = _register(tracker, bo, "Rules,Policy,,,,", "Logs,Log,,,,")
    with pytest.raises(Invalid, match="these are 2"):
        _apply(tracker, bo, number)
    first = registers.digest(_plan(tracker, bo, number))
    assert registers.apply_register(Sender(tracker, bo), number, {2}, first) == (1, False)
    with pytest.raises(Stale):
        registers.apply_register(Sender(tracker, bo), number, {2}, first)
    second = registers.digest(_plan(tracker, bo, number))
    assert registers.apply_register(Sender(tracker, bo), number, {3}, second) == (1, True)
