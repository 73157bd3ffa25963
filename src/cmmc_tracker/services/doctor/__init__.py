"""`doctor`: looks at an installation and says how to mend what is not well. It changes nothing.

Each check is one function from the patient to its findings, in the list `CHECKS`: a new check is one function more.
What cannot be looked at because something before it is not well is left out; that something has its own finding.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from cmmc_tracker.errors import TrackerError
from cmmc_tracker.services.doctor import choices, machine, parts, people, watching
from cmmc_tracker.services.doctor.findings import Check, Finding, Grade, Patient, bad, said
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import looking
from cmmc_tracker.storage.database import HEAD
from cmmc_tracker.storage.store import Blobs

__all__ = ["CHECKS", "Finding", "Grade", "Patient", "attached", "examine"]

CHECKS: tuple[Check, ...] = (
    machine.versions,
    machine.account_of_the_system,
    choices.secret,
    choices.production,
    choices.debug,
    choices.public_address,
    choices.proxies,
    choices.site_of_people,
    machine.clock,
    parts.database,
    parts.store,
    machine.free_space,
    machine.file_modes,
    machine.hash_method,
    people.preferences,
    people.people,
    people.tokens,
    people.backups,
    parts.scanner,
    parts.counter,
    parts.mail,
    watching.jobs,
    watching.metrics,
    watching.stream,
)


def examine(patient: Patient) -> list[Finding]:
    """The findings of every check, in order; one that cannot be finished is a finding too."""
    found: list[Finding] = []
    for check in CHECKS:
        try:
            found += check(patient)
        except (OSError, TrackerError, DBAPIError) as error:
            name = check.__name__.replace("_", " ")
            found.append(bad(name, f"this could not be looked at: {said(error)}", "mend what is named, and look again"))
    return [_without_secrets(one, patient.secrets) for one in found]


@contextmanager
def attached(patient: Patient) -> Iterator[Patient]:
    """The patient with its tracker, where database and store are there and fit: nothing is made, nothing migrated."""
    with looking.reading(patient.database_url) as engine:
        blobs = _fitting_store(patient, engine)
        if blobs is None:
            yield patient
        else:
            yield replace(patient, tracker=Tracker(engine, blobs, lambda: patient.now))


def _fitting_store(patient: Patient, engine: Engine) -> Blobs | None:
    """The store, when it is there and the database beside it is of this version."""
    try:
        with engine.connect() as connection:
            fits = looking.revision(connection) == HEAD
        return looking.store(patient.store, engine, patient.data_dir) if fits else None
    except (OSError, TrackerError, DBAPIError):
        return None


def _without_secrets(finding: Finding, secrets: tuple[str, ...]) -> Finding:
    """A last guard: whatever a driver said, no secret of the settings leaves here."""
    text, remedy = finding.text, finding.remedy
    for secret in filter(None, secrets):
        text, remedy = text.replace(secret, "(hidden)"), remedy.replace(secret, "(hidden)")
    return replace(finding, text=text, remedy=remedy)
