"""`cmmc-tracker score` and `cmmc-tracker verify`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import byte_bar, opened, system_named
from cmmc_tracker.domain.audit import parse_head
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services import assessment, held
from cmmc_tracker.services import verify as verifying
from cmmc_tracker.services.held import Recheck
from cmmc_tracker.services.verify import Report
from cmmc_tracker.storage.enclave import Enclave


@click.command()
@click.option("--system", "slug", help="The system's short name; may be left out when there is only one.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: as the API answers.")
def score(slug: str | None, as_json: bool) -> None:
    """The score of a system, and the reason for every point lost."""
    tracker, actor = opened()
    system = system_named(actor, slug)
    with tracker.read(actor) as work:
        found = assessment.picture(work, system).score
    if as_json:
        from cmmc_tracker.api.shapes import score_shown  # noqa: PLC0415 - the API is loaded by who wants its answer

        click.echo(score_shown(found).model_dump_json(indent=1))
        return
    if found.score is None:
        click.echo(f"{system.name}: no score. {found.reason}")
    else:
        click.echo(f"{system.name}: {found.score} of {found.max}{' (provisional)' if found.provisional else ''}")
    if found.unassessed_objectives:
        click.echo(f"{found.unassessed_objectives} objectives are not assessed; they count as not met.")
    click.echo(f"Supports: {found.status}. {' '.join(filter(None, (found.status_reason, found.before)))}")
    for loss in found.losses:
        click.echo(f"  -{loss.points}  {loss.requirement_id}  {loss.title}: {loss.reason}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option("--head", "heads", multiple=True, metavar="HASH", help="A head of the audit log kept before; repeatable.")
@click.option(
    "--heads-file",
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="A file of such heads, as `audit head --file` writes it.",
)
@click.option("--resume", is_flag=True, help="Go on where a run within the last day was stopped.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look, instead of all that, at the files that are held below this folder, where they are.",
)
def verify(
    as_json: bool, heads: tuple[str, ...], heads_file: IO[str] | None, *, resume: bool, root: Path | None
) -> None:
    """Check all bytes against their hashes, rows against bytes, and the audit log's chain.

    With heads that were kept elsewhere it also finds a chain that was written anew as a whole. With --root, run where
    evidence is held that may not leave its place, it hashes that evidence again; a location that leads out of the
    folder is refused, and nothing of it is read.
    """
    if root is not None:
        if heads or heads_file or resume:
            raise click.UsageError("--root looks at what is held there, and goes with --json only.")
        _recheck(root, as_json=as_json)
        return
    kept = [*(_head(one, "--head") for one in heads), *_heads_of(heads_file)]
    tracker, _ = opened()
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Checking the bytes", total=verifying.total(tracker))
        report = verifying.run(tracker, lambda size: bar.advance(task, size), kept, resume=resume)
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        _tell(report)
    if report.problems:
        sys.exit(1)


def _recheck(root: Path, *, as_json: bool) -> None:
    tracker, actor = opened()
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Hashing", total=None)
        found = held.recheck(tracker, actor, Enclave(root), lambda size: bar.advance(task, size))
    if as_json:
        files = [asdict(one) for one in found.files]
        click.echo(json.dumps({"root": str(root), "counts": found.counts, "files": files}))
    else:
        _tell_recheck(found)
    if found.problems:
        sys.exit(1)


def _tell_recheck(found: Recheck) -> None:
    for one in found.files:
        said = f": {one.said}" if one.said else ""
        click.echo(one_line(f"{one.state.capitalize()}: artifact {one.artifact} “{one.title}”, {one.location}{said}"))
    counts = ", ".join(f"{count:,} {state}" for state, count in found.counts.items())
    click.echo(f"Held files: {counts or 'none'}.")
    if found.problems:
        click.echo(
            "Not everything is as it was registered. Bring back what is named, or add a changed file as a new version.",
            err=True,
        )


def _head(text: str, where: str) -> str:
    try:
        return parse_head(text)
    except Invalid as error:
        raise click.BadParameter(error.message, param_hint=where) from None


def _heads_of(file: IO[str] | None) -> Iterator[str]:
    """The heads in a file: the first word of each line; blank lines and those that begin with # are left out."""
    for number, line in enumerate(file or (), 1):
        if line.strip() and not line.startswith("#"):
            yield _head(line.split()[0], f"--heads-file, line {number}")


def _tell(report: Report) -> None:
    for name in report.removed:
        click.echo(f"Removed a leftover: {one_line(name)}")
    files = "1 stored file" if report.blobs == 1 else f"{report.blobs:,} stored files"
    entries = "1 audit entry" if report.entries == 1 else f"{report.entries:,} audit entries"
    click.echo(f"Checked {files} ({report.bytes:,} bytes) and {entries}, newest hash {report.head[:16]}.")
    if report.held:
        files = "1 file is" if report.held == 1 else f"{report.held:,} files are"
        click.echo(f"{files} held elsewhere; verify --root DIR, run there, looks at them.")
    for one, entry in report.heads.items():
        if entry is not None:
            click.echo(f"Head {one[:16]}: it stands in the log, at entry {entry:,}.")
    for problem in report.problems:
        click.echo(one_line(problem))
    if report.problems:
        found = "1 problem" if len(report.problems) == 1 else f"{len(report.problems)} problems"
        click.echo(f"{found} found. Restore what is named from a backup.", err=True)
    else:
        click.echo("Everything is as it was recorded.")
