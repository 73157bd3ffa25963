"""`cmmc-tracker artifact`: evidence from the command line, single files or whole folders; sent, or left where it is."""

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
from cmmc_tracker.domain.held import parse_held, type_by_name
from cmmc_tracker.domain.permissions import Access, Actor
from cmmc_tracker.errors import Invalid, TrackerError
from cmmc_tracker.gate.forms import targets_of
from cmmc_tracker.services import artifacts, held, intake
from cmmc_tracker.services.intake import Sender
from cmmc_tracker.services.links import Target, create_linked
from cmmc_tracker.services.work import Tracker
from cmmc_tracker.storage.enclave import Enclave

PIECE = 1_048_576


@click.group()
def artifact() -> None:
    """Evidence."""


_FACTS = (
    click.option(
        "--objective", "objectives", multiple=True, help="Link to this objective, such as 3.1.1[a]; repeatable."
    ),
    click.option("--title", help="For a single file; else its name is taken."),
    click.option("--kind", type=click.Choice([k.value for k in Kind]), default=Kind.OTHER.value, show_default=True),
    click.option("--description", default=""),
    click.option("--collected-on", default="", help="The day it was collected, such as 2026-11-24."),
    click.option("--covers-from", default="", help="The first day that it covers."),
    click.option("--covers-until", default="", help="The last day that it covers."),
    click.option("--system", "slug", help="The system's short name; may be left out when there is only one."),
)


def _facts(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is known of the files."""
    for option in reversed(_FACTS):
        command = option(command)
    return command


@artifact.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@_facts
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
    wanted = Wanted(home, facts, targets_of(home, objectives), strip_location)
    _each(files, wanted, lambda path, moved: _add_one(tracker, actor, path, wanted, moved), as_json=as_json)


@artifact.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that locations are counted from, the same for `verify --root`; else they are absolute paths.",
)
@_facts
@click.option("--json", "as_json", is_flag=True, help="For scripts: one object a file.")
def register(
    files: tuple[Path, ...],
    root: Path | None,
    objectives: tuple[str, ...],
    slug: str | None,
    as_json: bool,
    **facts: Any,
) -> None:
    """Register files that must stay where they are; of a folder, every file below it.

    Run it where the files are. Location, size, SHA-256 and the type that the name promises are kept; nothing is copied.
    What is registered already, with the same hash, stays as it is.
    """
    tracker, actor = opened()
    home = system_named(actor, slug)
    wanted = Wanted(home, facts, targets_of(home, objectives))
    enclave = Enclave(root or Path("/"))

    def one(path: Path, moved: Callable[[int], None]) -> dict[str, Any]:
        return _register_one(tracker, actor, (enclave, path, root is None), wanted, moved)

    _each(files, wanted, one, as_json=as_json)


def _each(
    files: tuple[Path, ...],
    wanted: "Wanted",
    act: Callable[[Path, Callable[[int], None]], dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    """Do that to every file, and say of each what became of it; one that is refused does not stop the others."""
    found = [path for given in files for path in _below(given)]
    if wanted.facts["title"] and len(found) != 1:
        raise click.UsageError("--title goes with a single file.")
    refused = 0
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Taking in", total=sum(path.stat().st_size for path in found))
        for path in found:
            bar.update(task, description=one_line(path.name)[:40])
            told = act(path, lambda n: bar.advance(task, n))
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
    strip_location: bool = False

    def facts_of(self, path: Path) -> dict[str, Any]:
        """The facts of one file, whose name is its title where none was given."""
        return {**self.facts, "title": self.facts["title"] or path.stem.replace("_", " ")}


def _add_one(
    tracker: Tracker, actor: Actor, path: Path, wanted: Wanted, moved: Callable[[int], None]
) -> dict[str, Any]:
    try:
        with path.open("rb") as source, closing(tracker.blobs.receive()) as incoming:
            while piece := source.read(PIECE):
                incoming.write(piece)
                moved(len(piece))
            given = wanted.facts_of(path)
            artifacts.check(given, tracker.today)
            received = intake.take_in(Sender(tracker, actor), incoming, path.name, strip_location=wanted.strip_location)
            with tracker.write(actor) as work:
                made = create_linked(work, wanted.home, [received], given, wanted.targets)
    except TrackerError as error:
        return {"file": str(path), "error": error.message}
    except OSError as error:
        return {"file": str(path), "error": error.strerror or str(error)}
    kept = {"file": str(path), "id": made, "sha256": received.sha256, "size": received.size}
    return {**kept, "warnings": list(received.warnings)}


def _register_one(
    tracker: Tracker, actor: Actor, at: tuple[Enclave, Path, bool], wanted: Wanted, moved: Callable[[int], None]
) -> dict[str, Any]:
    """Hash one file where it is and keep what it is known by; `at`: below what, which, whether by its absolute path."""
    enclave, path, absolute = at
    try:
        place = enclave.location_of(path)
        now = enclave.hashed(place, moved)
        location = f"/{place}" if absolute else place
        known = {"size": now.size, "filename": path.name, "media_type": type_by_name(path.name)}
        one = parse_held({"location": location, "sha256": now.sha256, **known})
        if one.location != location:
            raise Invalid({"location": "Its path begins or ends with a space, so it would not be found again."})
        given = wanted.facts_of(path)
        artifacts.check(given, tracker.today)
        with tracker.write(actor) as work:
            made, new = held.register(work, wanted.home, one, given, wanted.targets)
    except TrackerError as error:
        return {"file": str(path), "error": error.message}
    except OSError as error:
        return {"file": str(path), "error": error.strerror or str(error)}
    return {"file": str(path), "id": made, "new": new, "location": location, "sha256": one.sha256, "size": one.size}


def _tell(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told))
    elif "error" in told:
        click.echo(one_line(f"{told['file']}: {told['error']}"), err=True)
    elif "location" in told:
        there = "registered" if told["new"] else "there already, and was not registered again"
        said = f"artifact {told['id']} is {there}, held at {told['location']}, SHA-256 {told['sha256']}"
        click.echo(one_line(f"{told['file']}: {said}"))
    else:
        click.echo(one_line(f"{told['file']}: artifact {told['id']}, SHA-256 {told['sha256']}"))
        for sentence in told["warnings"]:
            click.echo(one_line(f"{told['file']}: {sentence}"), err=True)
