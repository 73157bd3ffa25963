"""What several doors read from a request: an artifact's files and facts, objectives, one's own password."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask import g, request
from werkzeug.datastructures import FileStorage

from cmmc_tracker.domain.artifacts import parse_link
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.held import FIELDS, LINES, Held, parse_held, parse_held_lines
from cmmc_tracker.domain.permissions import Access, Action, Actor, allow, system_of
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.uploads import finish, incoming_of
from cmmc_tracker.services import accounts, artifacts, intake, trash
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.intake import Sender, Together
from cmmc_tracker.services.limits import PASSWORD_CHANGE
from cmmc_tracker.services.links import Target
from cmmc_tracker.storage.store import Blobs

DATES = ("covers_from", "covers_until", "collected_on")
FACTS = ("title", "kind", "description", *DATES, "cadence", "owner", "reviewer")


def facts_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an artifact that were given, unparsed."""
    return {name: form[name] for name in FACTS if name in form}


def files_of(field: str = "file") -> list[FileStorage]:
    """The files that were chosen; browsers send an empty part when none was."""
    return [f for f in request.files.getlist(field) if f.filename]


def take_in(file: FileStorage, strip_location: str = "") -> Received:
    """Check one file and keep its bytes; its lock is let go when the request ends, after the Work.

    `strip_location` is what the form says: `yes` takes the location out of a picture. All files of a request share the
    time that looking into them may take.
    """
    if strip_location not in {"", "yes", "no"}:
        raise Invalid({"strip_location": "Say yes, or leave it out to keep the file byte for byte."})
    together, link = g.setdefault("together", Together()), g.get("link")
    who = doors.actor() if link is None else link.actor
    sender = Sender(doors.installation().tracker, who, doors.address(), together)
    return intake.take_in(sender, incoming_of(file), file.filename or "", strip_location=strip_location == "yes")


@contextmanager
def all_or_nothing(files: Sequence[FileStorage]) -> Iterator[list[Received]]:
    """All of the files, kept for what is done within; where anything fails nothing of them stays in the store.

    What another artifact has, or somebody else is sending at this moment, stays.
    """
    kept: list[Received] = []
    try:
        for file in files:
            kept.append(take_in(file))
        yield kept
    except BaseException:
        for file in files:
            incoming_of(file).close()
        trash.let_go(doors.installation().tracker, [one.sha256 for one in kept])
        raise


def held_of(form: Mapping[str, Any], files: Sequence[FileStorage]) -> list[Held]:
    """What the form says of evidence that stays where it is, one file or several; nothing where it says nothing of it.

    Raises `Invalid` where something is wrong in it, or where it is not clear what is meant: a file came too, or one
    file was named beside the lines of several.
    """
    given = {name: form.get(name) for name in FIELDS}
    is_one = any(isinstance(value, str) and value.strip() for value in given.values())
    lines = str(form.get(LINES) or "")
    if files and (is_one or lines.strip()):
        raise Invalid(
            {
                "location" if is_one else LINES: "A file was sent, and a place where it is held was named. Send the "
                "file, or say where it must stay; not both. Nothing was kept."
            }
        )
    if is_one and lines.strip():
        raise Invalid({LINES: "One file is named above and several here. Keep one of the two. Nothing was kept."})
    if lines.strip():
        return parse_held_lines(lines, artifacts.MOST_FILES)
    return [parse_held(given)] if is_one else []


def check(system: Access, facts: Mapping[str, Any]) -> None:
    """Raise before any bytes are kept when the person may not add evidence here, or a fact is wrong."""
    allow(doors.actor(), Action.ARTIFACT_CREATE, system)
    artifacts.check(facts, doors.installation().tracker.today)
    with doors.open_read() as work:
        artifacts.check_people(work, system, facts)


def system_for(actor: Actor, slug: str) -> Access:
    """The system that an artifact goes to: the one named, or the only one there is.

    Raises `Invalid` when none is named and several could be meant.
    """
    if slug:
        try:
            return system_of(actor, slug)
        except NotFound as error:
            raise Invalid({"system": error.message}) from None
    if len(actor.systems) == 1:
        return next(iter(actor.systems.values()))
    raise Invalid({"system": "Say which system this belongs to; you are a member of several."})


def confirm_password() -> None:
    """Return when the form carries the person's own password: asked before anything that guards the account.

    Raises `Invalid`, or `TooMany` for somebody who guesses.
    """
    here = doors.installation()
    place = here.limiter.take(PASSWORD_CHANGE, str(doors.actor().id))
    try:
        accounts.confirm_password(
            here.tracker, doors.actor(), doors.address(), request.form.get("confirm_password", "")
        )
    except Invalid:
        place.settle()
        raise
    except BaseException:
        place.give_back()
        raise
    place.give_back()


def targets_of(system: Access, objectives: Iterable[str], locator: str = "", shows: str = "") -> list[Target]:
    """The objectives that an artifact is evidence for, each once; raises `Invalid` naming an unknown one."""
    place, text = parse_link(locator, shows)
    parsed = dict.fromkeys(parse_objective_id(one, system.level) for one in objectives if one.strip())
    wrong = [one for one in parsed if f".L{system.level}-" not in one.requirement]
    if wrong:
        raise Invalid({"objectives": f"{wrong[0]} is not an objective of {system.name}."})
    return [Target(system, one, place, text) for one in parsed]


def sender() -> Sender:
    """Who sends the files of this request, and what they may cost together."""
    together = g.setdefault("together", Together())
    return Sender(doors.installation().tracker, doors.actor(), doors.address(), together)


def sheet_of(file: FileStorage, check: Callable[[Blobs, Received], object]) -> Received:
    """Keep a spreadsheet that `check` can plan; of another the store lets go at once."""
    here, received = doors.installation(), take_in(file)
    try:
        check(here.blobs, received)
    except BaseException:
        finish()
        trash.let_go(here.tracker, [received.sha256])
        raise
    return received


def numbers_of(name: str) -> set[int]:
    """What was chosen in a form; what is no number was made by no page of ours and chooses nothing."""
    texts = request.form.getlist(name)
    return {int(one) for one in texts if one.isascii() and one.isdecimal() and len(one) <= 15}
