"""`cmmc-tracker backup` and `cmmc-tracker restore`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from cmmc_tracker import config
from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import byte_bar, operator
from cmmc_tracker.domain.backups import Keep
from cmmc_tracker.domain.permissions import Actor, Role
from cmmc_tracker.errors import Invalid
from cmmc_tracker.opening import open_tracker, read_settings
from cmmc_tracker.services import verify as verifying
from cmmc_tracker.services.artifact_views import COMMAND_LINE
from cmmc_tracker.services.backups import checking, making, reading, restoring
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage import addresses
from cmmc_tracker.storage.database import make_engine, migrate
from cmmc_tracker.storage.stores import place_of, store_of

_JSON = click.option("--json", "as_json", is_flag=True, help="For scripts.")


class _Backup(click.Group):
    """`backup DEST` makes one; `backup check SRC` proves one. A folder that is called check is written ./check."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in that is meant when none is named."""
        if not args or args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Backup, subcommand_metavar="DEST [OPTIONS] | check SRC")
def backup() -> None:
    """Make a backup in the folder DEST while people work, or check one.

    DEST gets a folder `backup-INSTANT` with all rows, and the contents of files once each in `blobs`: only those are
    copied that no earlier backup brought there. `backup DEST` is short for `backup make DEST`. With a passphrase
    (BACKUP_PASSPHRASE_FILE) all of it is encrypted; without that passphrase nobody can ever read it.
    """


def _kept(_ctx: click.Context, _param: click.Parameter, text: str | None) -> Keep | None:
    try:
        return Keep.parse(text) if text is not None else None
    except Invalid as error:
        raise click.BadParameter(error.message) from None


@backup.command()
@click.argument("dest")
@click.option(
    "--keep",
    callback=_kept,
    metavar="daily=7,weekly=4,monthly=12",
    help="Afterwards remove backups that are not the newest of one of so many days, weeks and months.",
)
@_JSON
def make(dest: str, keep: Keep | None, *, as_json: bool) -> None:
    """Make a backup in the folder DEST; 1 when something in the store is missing or altered, and the rest is kept."""
    settings = read_settings()
    place = addresses.place(dest)
    addresses.refuse_own_store(place, settings.upload_path)
    tracker = open_tracker(settings)
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Copying", total=verifying.total(tracker))
        made = making.run(
            tracker,
            operator(tracker),
            place_of(place)[0],
            told=config.given(),
            passphrase=settings.backup_passphrase,
            keep=keep,
            moved=lambda size: bar.advance(task, size),
        )
    if as_json:
        click.echo(json.dumps(asdict(made)))
    else:
        click.echo(
            f"Made: {made.name}, {made.contents:,} contents ({made.bytes:,} bytes), "
            f"{made.copied:,} of them new ({made.copied_bytes:,} bytes)."
        )
        click.echo(f"SHA-256 of its manifest: {made.manifest}")
        for one in made.removed:
            click.echo(f"Removed: {one}")
        if made.freed:
            click.echo(f"Removed {made.freed:,} contents that no backup needs.")
    _fail(
        made.problems,
        "The rest is in the backup. Nothing older is cleared away until this is mended.",
        as_json=as_json,
    )


@backup.command()
@click.argument("src")
@_JSON
def check(src: str, *, as_json: bool) -> None:
    """Prove a backup without restoring it; SRC is one, or a folder of them, whose newest whole one is taken.

    Needs no installation. Every file and every content is hashed, rows are counted, the audit log's chain is walked.
    """
    found = reading.opened(*place_of(addresses.place(src)), config.passphrase())
    manifest = found.manifest
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Hashing", total=manifest.blob_bytes + sum(one.size for one in manifest.files))
        proof = checking.run(found, lambda size: bar.advance(task, size))
    if as_json:
        click.echo(json.dumps(asdict(proof)))
    else:
        click.echo(
            f"Checked {proof.name}: {proof.rows:,} rows of {proof.tables} tables, {proof.entries:,} audit entries, "
            f"{proof.contents:,} contents ({proof.bytes:,} bytes)."
        )
        if not proof.problems:
            click.echo("All of it is as it was written.")
    _fail(
        proof.problems,
        "This backup is not good. Remove a content that is named as altered, and back up again.",
        as_json=as_json,
    )


@click.command()
@click.argument("src")
@_JSON
def restore(src: str, *, as_json: bool) -> None:
    """Restore a backup into an empty installation, then verify it; 1 when something is not as it was.

    SRC is a backup, or a folder of them, whose newest whole one is taken. The installation is the one that the
    environment names, of either database; it must have no people and no evidence yet. Nobody is signed in afterwards.
    """
    settings = read_settings()
    backup = reading.opened(*place_of(addresses.place(src)), settings.backup_passphrase)
    engine = make_engine(settings.database_url)
    migrate(engine, settings.data_dir)
    store = settings.upload_path
    tracker = Tracker(engine, store_of(store, engine, settings.data_dir), zone=settings.time_zone)
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Restoring", total=backup.manifest.blob_bytes)
        done = restoring.run(
            tracker,
            Actor(None, COMMAND_LINE, Role.ADMIN),
            backup,
            store if isinstance(store, Path) else None,
            lambda size: bar.advance(task, size),
        )
    problems = [*done.problems, *done.report.problems]
    if as_json:
        click.echo(json.dumps(asdict(done)))
    else:
        click.echo(f"Restored {done.name}: {done.rows:,} rows, {done.contents:,} contents ({done.bytes:,} bytes).")
        if not problems:
            click.echo(f"Verified {done.report.entries:,} audit entries. Everything is as it was recorded.")
    _fail(problems, "The rest was restored.", as_json=as_json)


def _fail(problems: Sequence[str], end: str, *, as_json: bool) -> None:
    if problems and not as_json:
        for one in problems:
            click.echo(one_line(one), err=True)
        click.echo(end, err=True)
    if problems:
        sys.exit(1)
