"""`cmmc-tracker spill`: take out for good what should never have come."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from cmmc_tracker import config
from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import NUMBER, opened
from cmmc_tracker.errors import Conflict
from cmmc_tracker.services import spill as spilling
from cmmc_tracker.services import spill_confirming, spill_plan
from cmmc_tracker.services.spill import Spilled
from cmmc_tracker.services.spill_plan import Plan, Wanted
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import copies
from cmmc_tracker.storage.database import sqlite_file


@click.command()
@click.argument("artifact", type=NUMBER, required=False)
@click.option("--version", "number", type=NUMBER, help="This version alone; else all of them.")
@click.option("--reason", default="", help="Why, without what was spilled itself: it is kept.")
@click.option("--keep-as", "location", default="", metavar="LOCATION", help="Where the evidence is kept from now on.")
@click.option("--everywhere", is_flag=True, help="Other artifacts with the same bytes lose them too.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and let nothing go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--clean", is_flag=True, help="Only clear the database's free space of what was deleted before.")
@click.option("--lift", default="", metavar="HASH", help="Let bytes with this SHA-256 come again.")
@click.option("--json", "as_json", is_flag=True, help="For scripts; goes with --yes or --dry-run.")
def spill(artifact: int | None, *, clean: bool, lift: str, **given: Any) -> None:
    """Take an artifact's bytes out for good: from the store, the search, waiting imports and the database's free space.

    A tombstone keeps hash and reason, and the bytes are refused when they come again. It breaks the hold of packages,
    and says which they are. Where two people judge in its system, one of them confirms first, at /spills/ARTIFACT. It
    cannot alter the audit log, backups, or what people downloaded.
    """
    if (artifact is not None) + clean + bool(lift) != 1:
        raise click.UsageError("Name one artifact, or say --clean, or --lift HASH.")
    if clean:
        _clean()
    elif lift:
        _lift(lift)
    else:
        _spill(Wanted.parse(artifact or 0, given["number"], given["reason"], given["location"]), given)


def _clean() -> None:
    tracker, _ = opened()
    unclean = spilling.clean(tracker)
    if unclean:
        raise click.ClickException(unclean)
    click.echo("The database was written anew; nothing that was deleted stands in its files.")


def _lift(sha256: str) -> None:
    tracker, actor = opened()
    with tracker.write(actor) as work:
        spilling.lift(work, sha256)
    click.echo("These bytes may come again.")


def _spill(wanted: Wanted, given: dict[str, Any]) -> None:
    if given["as_json"] and not (given["yes"] or given["dry_run"]):
        raise click.UsageError("--json goes with --yes or --dry-run: a script cannot be asked.")
    tracker, actor = opened()
    found = spill_plan.plan(tracker, actor, wanted)
    if not given["as_json"]:
        _show(found, wanted)
        _show_seconds(tracker, found)
    if given["dry_run"]:
        click.echo(json.dumps(_told(found)) if given["as_json"] else "Nothing was changed (--dry-run).")
        return
    everywhere = given["everywhere"]
    if not given["yes"]:
        if found.elsewhere and not everywhere:
            named = spill_plan.told_elsewhere(found)
            everywhere = click.confirm(f"{named[:1].upper()}{named[1:]} the same bytes. Take them out too?", abort=True)
        click.confirm("This cannot be undone. Take it out for good?", abort=True)
    done = spilling.spill(tracker, actor, wanted, found, everywhere=everywhere)
    _report(tracker, done, as_json=given["as_json"])


def _show(found: Plan, wanted: Wanted) -> None:
    click.echo(one_line(f"Artifact {wanted.artifact_id}, “{found.title}”"))
    click.echo(f"  goes: version {', '.join(str(number) for _, number in found.versions)}")
    for artifact_id, number in found.elsewhere:
        click.echo(f"  artifact {artifact_id} version {number} has some of the same bytes")
    for sha256 in found.hashes:
        click.echo(f"  SHA-256 {sha256}")
    for number in found.imports:
        click.echo(f"  import {number}, not confirmed yet, has them: it goes")
    for pin in found.pins:
        click.echo(
            one_line(f"  {pin.holder} holds version {pin.number} of artifact {pin.artifact_id}: its hold breaks")
        )


def _show_seconds(tracker: Tracker, found: Plan) -> None:
    """Who confirmed, of each artifact that would lose something."""
    with tracker.read() as work:
        for artifact_id in spilling.losing(found):
            try:
                second = spill_confirming.seconds_of(work, [artifact_id])[artifact_id]
            except Conflict as error:
                click.echo(f"  artifact {artifact_id}: not confirmed by a second person yet. {error.message}")
                continue
            said = f"confirmed by {second.by}" if second else "one person does this alone; the log says so"
            click.echo(one_line(f"  artifact {artifact_id}: {said}"))


def _told(found: Plan) -> dict[str, Any]:
    """The plan for scripts; never the title, which may be what was spilled."""
    return {name: value for name, value in asdict(found).items() if name != "title"} | {
        "pins": [{**asdict(one), "until": one.until.isoformat()} for one in found.pins]
    }


def _report(tracker: Tracker, done: Spilled, *, as_json: bool) -> None:
    left = copies.there(sqlite_file(tracker.engine), config.read().data_dir)
    sentences = list(spilling.told(done, left))
    if as_json:
        said = {"gone": done.gone, "kept_as_version": done.kept_as, "left": done.left, "to_do": sentences}
        click.echo(json.dumps({**_told(done.plan), **said}))
    else:
        click.echo("Taken out. Tombstones keep the hashes and the reason.")
        if done.kept_as is not None:
            click.echo(f"Version {done.kept_as} says where the evidence is kept now.")
        for sentence in sentences:
            click.echo(one_line(f"- {sentence}"))
    if done.left or done.unclean:
        sys.exit(1)
