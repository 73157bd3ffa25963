"""What several doors read from a request: an artifact's files and facts, objectives, one's own password."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import g, request
from werkzeug.datastructures import FileStorage

from cmmc_tracker.domain.artifacts import parse_link
from cmmc_tracker.domain.catalog import parse_objective_id
from cmmc_tracker.domain.permissions import Access, Action, Actor, allow, system_of
from cmmc_tracker.errors import Invalid, NotFound
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.uploads import incoming_of
from cmmc_tracker.services import accounts, artifacts, intake
from cmmc_tracker.services.artifacts import Received
from cmmc_tracker.services.intake import Sender, Together
from cmmc_tracker.services.limits import PASSWORD_CHANGE
from cmmc_tracker.services.links import Target

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
    together = g.setdefault("together", Together())
    sender = Sender(doors.installation().tracker, doors.actor(), doors.address(), together)
    return intake.take_in(sender, incoming_of(file), file.filename or "", strip_location=strip_location == "yes")


def check(system: Access, facts: Mapping[str, Any]) -> None:
    """Raise before any bytes are kept when the person may not add evidence here, or a fact is wrong."""
    allow(doors.actor(), Action.ARTIFACT_CREATE, system)
    artifacts.check(facts, doors.installation().tracker.clock().date())
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
    parsed = dict.fromkeys(parse_objective_id(one) for one in objectives if one.strip())
    wrong = [one for one in parsed if f".L{system.level}-" not in one.requirement]
    if wrong:
        raise Invalid({"objectives": f"{wrong[0]} is not an objective of {system.name}."})
    return [Target(system, one, place, text) for one in parsed]
