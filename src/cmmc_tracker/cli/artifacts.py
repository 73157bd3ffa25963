"""`cmmc-tracker artifact`: evidence from the command line, single files or whole folders."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import byte_bar, opened, system_named
from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.errors import TrackerError
from cmmc_tracker.gate.forms import targets_of
from cmmc_tracker.services import artifacts, intake
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.links import Target, create_linked
from cmmc_tracker.services.work import Tracker

PIECE = 1_048_576


@click.group()
def artifact() -> None:
    """Evidence."""


@artifact.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--objective", "objectives", multiple=True, help="Link to this objective, such as 3.1.1[a]; repeatable.")
@click.option("--title", help="For a single file; else its name is taken.")
@click.option("--kind", type=click.Choice([k.value for k in Kind]), default=Kind.OTHER.value, show_default=True)
@click.option("--description", default="")
@click.option("--collected-on", default="", help="The day it was collected, such as 2026-11-24.")
@click.option("--covers-from", default="", help="The first day that it covers.")
@click.option("--covers-until", default="", help="The last day that it covers.")
@click.option("--system", "slug", help="The system's short name; may be left out when there is only one.")
@click.option("--strip-location", is_flag=True, help="Take the location out of pictures; else bytes are never changed.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object a file.")
def add(
    files: tuple[Path, ...],
    objectives: tuple[str, ...],
    slug: str | None,
    strip_location: bool,
    as_json: bool,
    **facts: Any,
) -> None:
    """Keep files as artifacts; of a folder, every file below it. A refused file does not stop the others."""
    tracker, actor = opened()
    home = system_named(actor, slug)
    targets = targets_of(home, objectives)
    found = [path for given in files for path in _below(given)]
    if facts["title"] and len(found) != 1:
        raise click.UsageError("--title goes with a single file.")
    refused = 0
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Taking in", total=sum(path.stat().st_size for path in found))
        for path in found:
            bar.update(task, description=one_line(path.name)[:40])
            wanted = Wanted(home, facts, targets, strip_location)
            told = _add_one(tracker, actor, path, wanted, lambda n: bar.advance(task, n))
            refused += "error" in told
            _tell(told, as_json=as_json)
    if refused:
        click.echo(f"{refused} of {len(found)} files were not taken; nothing was kept of them.", err=True)
        sys.exit(1)


def _below(given: Path) -> Iterator[Path]:
    """The file itself, or every file below a folder by name; links and hidden files are left out."""
    if not given.is_dir():
        yield given
        return
    for path in sorted(given.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(given).parts)
        if path.is_file() and not path.is_symlink() and not hidden:
            yield path


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every file of one command gets."""

    home: Access
    facts: dict[str, Any]
    targets: list[Target]
    strip_location: bool


def _add_one(
    tracker: Tracker, actor: Actor, path: Path, wanted: Wanted, moved: Callable[[int], None]
) -> dict[str, Any]:
    try:
        with path.open("rb") as source, closing(tracker.blobs.receive()) as incoming:
            while piece := source.read(PIECE):
                incoming.write(piece)
                moved(len(piece))
            given = {**wanted.facts, "title": wanted.facts["title"] or path.stem.replace("_", " ")}
            artifacts.check(given, tracker.clock().date())
            received = intake.take_in(Sender(tracker, actor), incoming, path.name, strip_location=wanted.strip_location)
            with tracker.write(actor) as work:
                made = create_linked(work, wanted.home, [received], given, wanted.targets)
    except TrackerError as error:
        return {"file": str(path), "error": error.message}
    except OSError as error:
        return {"file": str(path), "error": error.strerror or str(error)}
    kept = {"file": str(path), "id": made, "sha256": received.sha256, "size": received.size}
    return {**kept, "warnings": list(received.warnings)}


def _tell(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told))
    elif "error" in told:
        click.echo(one_line(f"{told['file']}: {told['error']}"), err=True)
    else:
        click.echo(one_line(f"{told['file']}: artifact {told['id']}, SHA-256 {told['sha256']}"))
        for sentence in told["warnings"]:
            click.echo(one_line(f"{told['file']}: {sentence}"), err=True)
