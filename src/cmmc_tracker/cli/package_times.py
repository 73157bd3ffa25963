"""`cmmc-tracker package keep|hold|lift|holds`: how long what a package pins is kept."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import NUMBER, opened, system_named
from cmmc_tracker.services.handoff import holds, packages
from cmmc_tracker.services.handoff.holds import Hold

SYSTEM = click.option("--system", "slug", default=None, metavar="SLUG", help="Which system; else the only one.")
JSON = click.option("--json", "as_json", is_flag=True, help="For scripts.")
_PACKAGE = click.argument("package_id", type=NUMBER)
_WHY = click.option("--reason", required=True, help="Why; it stands in the audit log and on the package's page.")


def add_to(group: click.Group) -> None:
    """Add these commands to a group."""
    for command in (keep, hold, lift, list_holds):
        group.add_command(command)


@click.command()
@_PACKAGE
@click.argument("until", metavar="YYYY-MM-DD")
@SYSTEM
def keep(package_id: int, until: str, slug: str | None) -> None:
    """Keep what a package pins until a later day than six years from the status date."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        one = holds.keep_until(work, system_named(actor, slug), package_id, until)
    click.echo(f"Package {one.number} is kept until {one.retained_until}.")


@click.command()
@_PACKAGE
@_WHY
@SYSTEM
def hold(package_id: int, reason: str, slug: str | None) -> None:
    """Place a legal hold: while it stands, nothing of the package goes, whatever its day."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        one = holds.place(work, system_named(actor, slug), package_id, reason)
        number = holds.of(work, one)[0].id
    click.echo(f"Legal hold {number} stands on package {one.number}.")


@click.command()
@_PACKAGE
@click.argument("hold_id", type=NUMBER)
@_WHY
@SYSTEM
def lift(package_id: int, hold_id: int, reason: str, slug: str | None) -> None:
    """Lift a legal hold, by its number."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        one = holds.lift(work, system_named(actor, slug), package_id, hold_id, reason)
    still = "another stands" if one.is_held else f"it is kept until {one.retained_until}"
    click.echo(f"Legal hold {hold_id} on package {one.number} is lifted; {still}.")


@click.command("holds")
@_PACKAGE
@SYSTEM
@JSON
def list_holds(package_id: int, slug: str | None, *, as_json: bool) -> None:
    """List the legal holds of a package, those that stand first."""
    tracker, actor = opened()
    with tracker.read(actor) as work:
        found = holds.of(work, packages.one(work, system_named(actor, slug), package_id))
    if as_json:
        click.echo(json.dumps([_told(one) for one in found]))
        return
    for one in found:
        until = f"lifted {one.lifted_at:%Y-%m-%d} by {one.lifted_by}: {one.lifted_why}" if one.lifted_at else "stands"
        click.echo(one_line(f"{one.id:>4}  {one.placed_at:%Y-%m-%d} by {one.placed_by}: {one.reason}  ({until})"))


def _told(one: Hold) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(one).items()}
