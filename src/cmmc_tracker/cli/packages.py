"""`cmmc-tracker package`: freeze a system, list its packages, write one as a zip, check one that came from anywhere.

What changed between two is in `package_diff.py`, how long they are kept in `package_times.py`.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import IO, Any, Self, cast

import click

from cmmc_tracker.cli import package_times
from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import NUMBER, byte_bar, opened, system_named
from cmmc_tracker.cli.package_diff import diff
from cmmc_tracker.cli.package_times import JSON, SYSTEM
from cmmc_tracker.domain.handoff.package import Asked, Purpose
from cmmc_tracker.reports.handoff import verify as checker
from cmmc_tracker.services.handoff import packages, sealing, stream


@click.group()
def package() -> None:
    """Packages: a system frozen for somebody who checks it without this tracker."""


def _told(one: packages.Package) -> dict[str, Any]:
    """A package for scripts, days and instants in ISO form."""
    return {name: v.isoformat() if isinstance(v, date) else v for name, v in asdict(one).items() if name != "system_id"}


@package.command()
@click.argument("name")
@SYSTEM
@click.option(
    "--purpose", type=click.Choice([one.value for one in Purpose]), default=Purpose.READINESS.value, show_default=True
)
@click.option("--reason", default="", help="Why, although findings of the readiness checks are open.")
@click.option("--releasable", is_flag=True, help="It may be handed out by a link without an account.")
@JSON
def create(name: str, slug: str | None, purpose: str, reason: str, *, releasable: bool, as_json: bool) -> None:
    """Freeze a system as it stands now. NAME is what the package is called."""
    tracker, actor = opened()
    asked = Asked.parse({"name": name, "purpose": purpose, "reason": reason, "releasable": releasable})
    system = system_named(actor, slug)
    content = packages.reviewed(tracker, actor, "", system, asked)
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Hashing", total=sum(sealing.contents(content).values()))
        ready = sealing.prepared(tracker, content, lambda done: bar.advance(task, done))
    with tracker.write(actor) as work:
        made = packages.keep(work, system, asked, ready)
    if as_json:
        click.echo(json.dumps(_told(made)))
        return
    click.echo(f"Frozen: package {made.number} (id {made.id}), {made.artifacts:,} artifacts, {made.bytes:,} bytes.")
    click.echo(f"SHA-256 of CMMCAssessmentArtifacts.log: {made.log_sha256.upper()}")
    click.echo(f"SHA-256 of manifest.json:               {made.manifest_sha256.upper()}")
    if made.since:
        click.echo(one_line(f"Since package {made.since['number']}: {made.changed}."))


@package.command("list")
@SYSTEM
@JSON
def list_(slug: str | None, *, as_json: bool) -> None:
    """List the packages of a system, newest first."""
    tracker, actor = opened()
    with tracker.read(actor) as work:
        found = packages.listed(work, system_named(actor, slug))
    if as_json:
        click.echo(json.dumps([_told(one) for one in found]))
        return
    for one in found:
        click.echo(one_line(f"{one.id:>4}  no. {one.number:<4} {one.frozen_at:%Y-%m-%d}  {one.purpose:<12} {one.name}"))


@package.command()
@click.argument("package_id", type=NUMBER)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@SYSTEM
@JSON
def export(package_id: int, file: Path, slug: str | None, *, as_json: bool) -> None:
    """Write a package as a zip to FILE, which must not be there yet."""
    tracker, actor = opened()
    system = system_named(actor, slug)
    with tracker.read(actor) as work:
        one = packages.one(work, system, package_id)
    found = stream.opened(tracker, one)
    try:
        with file.open("xb") as target, byte_bar(shown=not as_json) as bar:
            with tracker.write(actor) as work:
                packages.note_download(work, system, one)
            task = bar.add_task("Writing", total=found.size)
            for piece in found.pieces():
                target.write(piece)
                bar.advance(task, len(piece))
    except FileExistsError:
        raise click.ClickException(f"{file} is there already; nothing was written.") from None
    except BaseException:
        file.unlink(missing_ok=True)  # a part of a package is none
        raise
    if as_json:
        click.echo(json.dumps({**_told(one), "file": str(file), "file_bytes": found.size}))
    else:
        click.echo(f"Written: {file}")


@package.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--log-hash", default="", metavar="HASH", help="SHA-256 of the artifact log as it was reported.")
@click.option("--manifest-hash", default="", metavar="HASH", help="SHA-256 of manifest.json as it was reported.")
@click.option("--held", default="", metavar="DIR", help="The folder of the evidence that is held elsewhere.")
@JSON
def verify(file: Path, log_hash: str, manifest_hash: str, held: str, *, as_json: bool) -> None:
    """Check a package, a zip or an unpacked folder, as its own verify.py does; needs no installation."""
    for name, text in (("--log-hash", log_hash), ("--manifest-hash", manifest_hash)):
        if text and not checker.is_hash(text):
            raise click.BadParameter("this takes 64 hex digits.", param_hint=name)
    try:
        found = _looked(file, (log_hash, held, manifest_hash), shown=not as_json)
    except checker.Unusable as error:
        raise click.ClickException(f"NOT INTACT: {error}.") from None
    if as_json:
        told = {"intact": not found.problems, "problems": found.problems}
        click.echo(json.dumps({**told, "checked": found.checked, "held_elsewhere": found.elsewhere}))
    else:
        for line in checker.told(found):
            click.echo(one_line(line))
    if found.problems:
        sys.exit(1)


class _Watched:
    """A package whose files tell how much of them was read."""

    def __init__(self, package: checker.Folder | checker.Archive, moved: Callable[[int], None]) -> None:
        self._package, self._moved = package, moved
        self.problems, self.names = package.problems, package.names

    def open(self, name: str) -> "_Read":
        """A file of it."""
        return _Read(self._package.open(name), self._moved)


class _Read:
    """An open file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], moved: Callable[[int], None]) -> None:
        self._file, self._moved = file, moved

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, most: int) -> bytes:
        """The next bytes."""
        piece = self._file.read(most)
        self._moved(len(piece))
        return piece


def _looked(file: Path, given: tuple[str, str, str], *, shown: bool) -> checker.Check:
    """The check of a package, with a bar for who waits; raises `Unusable` as `verify.py` does."""
    if not (file.is_dir() or file.is_file()):
        raise checker.Unusable(f"{file} is neither a file nor a folder")
    package = checker.Folder(file) if file.is_dir() else checker.Archive(file)
    whole = sum(one.lstat().st_size for one in (file.rglob("*") if file.is_dir() else [file]))
    with byte_bar(shown=shown) as bar:
        task = bar.add_task("Checking", total=whole)
        watched = _Watched(package, lambda done: bar.advance(task, done))
        check = checker.Check(cast("checker.Folder", watched), *given)
        check.run()
    return check


package.add_command(diff)
package_times.add_to(package)
