"""Packages: a system frozen for somebody who will check it without us."""

from datetime import date, datetime

from flask import Response

from cmmc_tracker.api.registry import Given, Shown, kept_unless, one_of, operation
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.gate import doors
from cmmc_tracker.gate.streams import send_package
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.services.handoff.packages import Package


class NewPackage(Given):
    """A package to be frozen; `reason` says why, although something is not ready."""

    name: str
    purpose: str | None = kept_unless({"type": "string", **one_of(Purpose)})
    reason: str | None = kept_unless({"type": "string"})
    releasable: bool | None = kept_unless({"type": "boolean"})


class PackageShown(Shown):
    """A frozen package: `log_sha256` is what is reported to the CMMC eMASS."""

    id: int
    number: int
    name: str
    purpose: str
    reason: str
    frozen_at: datetime
    frozen_by: str
    snapshot_sha256: str
    log_sha256: str
    artifacts: int
    bytes: int
    retained_until: date
    releasable: bool


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
    body=NewPackage,
    failures=(400, 404, 409, 422),
)
def create_package(slug: str, body: NewPackage) -> PackageShown:
    """Freeze the system as it stands; with findings open and no reason given 409 lists them."""
    system, asked = doors.system(slug), Asked.parse(body.given())
    tracker = doors.installation().tracker
    return package_shown(packages.freeze(tracker, doors.actor(), doors.address(), system, asked))


@operation("GET", "/systems/{slug}/packages/{package_id}", "One package", answer=PackageShown, failures=(404,))
def show_package(slug: str, package_id: int) -> PackageShown:
    """One package."""
    with doors.open_read() as work:
        return package_shown(packages.one(work, doors.system(slug), package_id))


@operation(
    "GET",
    "/systems/{slug}/packages/{package_id}/download",
    "A package as a zip",
    binary=True,
    failures=(404, 409),
)
def download_package(slug: str, package_id: int) -> Response:
    """The zip, made while it is sent: the same bytes each time."""
    return send_package(doors.system(slug), package_id)
