"""Packages: a system frozen for somebody who will check it without us."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from flask import Response

from cmmc_tracker.api.registry import Given, Shown, kept_unless, one_of, operation
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.etag import expected_version
from cmmc_tracker.gate.streams import send_package
from cmmc_tracker.services.handoff import freezing, holds, packages
from cmmc_tracker.services.handoff.freezing import Freeze
from cmmc_tracker.services.handoff.packages import Package
from cmmc_tracker.services.work import Work


class NewPackage(Given):
    """A package to be frozen; `reason` says why, although something is not ready."""

    name: str
    purpose: str | None = kept_unless({"type": "string", **one_of(Purpose)})
    reason: str | None = kept_unless({"type": "string"})
    releasable: bool | None = kept_unless({"type": "boolean"})


class LaterDate(Given):
    """Until when what the package pins is kept: a later day than now, as 2032-11-24."""

    retained_until: str


class Why(Given):
    """Why a legal hold is placed or lifted."""

    reason: str


class HoldShown(Shown):
    """A legal hold; one that stands has no `lifted_at`."""

    id: int
    reason: str
    placed_at: datetime
    placed_by: str
    lifted_at: datetime | None
    lifted_by: str
    lifted_why: str


class PackageShown(Shown):
    """A frozen package: `log_sha256` is what is reported to the CMMC eMASS, `manifest_sha256` covers all of the zip.

    `since` is how many things were added, changed and gone since the package `since.number`; null for the first.
    """

    id: int
    number: int
    name: str
    purpose: str
    reason: str
    frozen_at: datetime
    frozen_by: str
    snapshot_sha256: str
    log_sha256: str
    manifest_sha256: str
    since: dict[str, Any] | None
    artifacts: int
    bytes: int
    retained_until: date
    is_held: bool
    releasable: bool
    version: int


class HeldPackageShown(PackageShown):
    """A package with its legal holds, those that stand first."""

    holds: list[HoldShown]


class FreezeShown(Shown):
    """A freeze that is too large for one request: `state` is waiting, hashing, done or failed (see `message`)."""

    id: int
    name: str
    purpose: str
    asked_at: datetime
    asked_by: str
    state: str
    bytes: int
    bytes_done: int
    message: str
    package_id: int | None


class FieldShown(Shown):
    """A fact that is another now."""

    name: str
    then: str
    now: str


class ChangeShown(Shown):
    """One thing that was added, is changed or gone."""

    kind: str
    what: str
    fields: list[FieldShown]


class SectionShown(Shown):
    """The changes of one part of the record."""

    name: str
    label: str
    changes: list[ChangeShown]


class ComparisonShown(Shown):
    """How two packages differ, part by part; what is the same is left out."""

    then: PackageShown
    now: PackageShown
    sections: list[SectionShown]


class PackagesShown(Shown):
    """The packages of a system, newest first."""

    items: list[PackageShown]


def package_shown(one: Package) -> PackageShown:
    """A package as the API tells it."""
    return PackageShown(**{name: getattr(one, name) for name in PackageShown.model_fields})


@operation("GET", "/systems/{slug}/packages", "The packages of a system", answer=PackagesShown, failures=(404,))
def list_packages(slug: str) -> PackagesShown:
    """All packages, newest first."""
    with doors.open_read() as work:
        return PackagesShown(items=[package_shown(one) for one in packages.listed(work, doors.system(slug))])


@operation(
    "POST",
    "/systems/{slug}/packages",
    "Freeze a system",
    status=201,
    answer=PackageShown,
    accepted=FreezeShown,
    body=NewPackage,
    failures=(400, 404, 409, 422),
)
def create_package(slug: str, body: NewPackage) -> PackageShown | Response:
    """Freeze the system as it stands; with findings open and no reason given 409 lists them.

    With more than 512 MiB of files a job hashes them: 202, with the freeze and its address in `Location`.
    """
    system, asked = doors.system(slug), Asked.parse(body.given())
    found = freezing.ask(doors.installation().tracker, doors.actor(), doors.address(), system, asked)
    if isinstance(found, Package):
        return package_shown(found)
    response = Response(_freeze_shown(found).model_dump_json(), 202, mimetype="application/json")
    response.headers["Location"] = f"/api/v1/systems/{slug}/freezes/{found.id}"
    return response


def _freeze_shown(one: Freeze) -> FreezeShown:
    return FreezeShown(**{name: getattr(one, name) for name in FreezeShown.model_fields})


@operation("GET", "/systems/{slug}/freezes/{freeze_id}", "How far a freeze is", answer=FreezeShown, failures=(404,))
def show_freeze(slug: str, freeze_id: int) -> FreezeShown:
    """One freeze; once it is done, `package_id` names its package."""
    with doors.open_read() as work:
        return _freeze_shown(freezing.one(work, doors.system(slug), freeze_id))


@operation("DELETE", "/systems/{slug}/freezes/{freeze_id}", "Give a freeze up", status=204, failures=(404, 412))
def stop_freeze(slug: str, freeze_id: int) -> None:
    """Give up a freeze that is under way; its note stays."""
    with doors.open_write() as work:
        freezing.stop(work, doors.system(slug), freeze_id)


@operation("GET", "/systems/{slug}/packages/{package_id}", "One package", answer=HeldPackageShown, failures=(404,))
def show_package(slug: str, package_id: int) -> HeldPackageShown:
    """One package with its legal holds."""
    with doors.open_read() as work:
        return _held_shown(work, packages.one(work, doors.system(slug), package_id))


def _held_shown(work: Work, one: Package) -> HeldPackageShown:
    told = [HoldShown(**{name: getattr(hold, name) for name in HoldShown.model_fields}) for hold in holds.of(work, one)]
    return HeldPackageShown(**package_shown(one).model_dump(), holds=told)


@operation(
    "PATCH",
    "/systems/{slug}/packages/{package_id}",
    "Keep what a package pins for longer",
    answer=HeldPackageShown,
    body=LaterDate,
    failures=(400, 404, 409, 412, 422),
    versioned=True,
)
def keep_package(slug: str, package_id: int, body: LaterDate) -> HeldPackageShown:
    """A later day than six years from the status date; administrators only. It cannot be made shorter."""
    with doors.open_write() as work:
        until, version = body.retained_until, expected_version()
        return _held_shown(work, holds.keep_until(work, doors.system(slug), package_id, until, version))


@operation(
    "POST",
    "/systems/{slug}/packages/{package_id}/holds",
    "Place a legal hold",
    status=201,
    answer=HeldPackageShown,
    body=Why,
    failures=(400, 404, 422),
)
def hold_package(slug: str, package_id: int, body: Why) -> HeldPackageShown:
    """While it stands, nothing of the package goes, whatever its day; administrators only."""
    with doors.open_write() as work:
        return _held_shown(work, holds.place(work, doors.system(slug), package_id, body.reason))


@operation(
    "POST",
    "/systems/{slug}/packages/{package_id}/holds/{hold_id}/lift",
    "Lift a legal hold",
    answer=HeldPackageShown,
    body=Why,
    failures=(400, 404, 412, 422),
)
def lift_hold(slug: str, package_id: int, hold_id: int, body: Why) -> HeldPackageShown:
    """Who lifted it, when and why stays beside who placed it; administrators only."""
    with doors.open_write() as work:
        return _held_shown(work, holds.lift(work, doors.system(slug), package_id, hold_id, body.reason))


@operation(
    "GET",
    "/systems/{slug}/packages/{package_id}/changes/{then_id}",
    "What changed between two packages",
    answer=ComparisonShown,
    failures=(404,),
)
def compare_packages(slug: str, package_id: int, then_id: int) -> ComparisonShown:
    """What was added, changed or gone from the package `then_id` to this one."""
    system = doors.system(slug)
    with doors.open_read() as work:
        then, now = (package_shown(packages.one(work, system, one)) for one in (then_id, package_id))
        sections = packages.compared(work, system, then_id, package_id)
    return ComparisonShown(then=then, now=now, sections=[SectionShown.model_validate(asdict(one)) for one in sections])


@operation(
    "GET",
    "/systems/{slug}/packages/{package_id}/download",
    "A package as a zip",
    binary=True,
    failures=(404, 409, 416),
)
def download_package(slug: str, package_id: int) -> Response:
    """The zip, made while it is sent: the same bytes each time, so that a broken download goes on by `Range`."""
    return send_package(doors.system(slug), package_id)
