"""`cmmc-tracker score` and `cmmc-tracker verify`."""

import json
import sys
from dataclasses import asdict

import click

from cmmc_tracker.api.shapes import score_shown
from cmmc_tracker.cli.open import byte_bar, opened, system_named
from cmmc_tracker.services import assessment
from cmmc_tracker.services import verify as verifying
from cmmc_tracker.services.verify import Report


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
        click.echo(score_shown(found).model_dump_json(indent=1))
        return
    if found.score is None:
        click.echo(f"{system.name}: no score. {found.reason}")
    else:
        click.echo(f"{system.name}: {found.score} of {found.max}{' (provisional)' if found.provisional else ''}")
    if found.unassessed_objectives:
        click.echo(f"{found.unassessed_objectives} objectives are not assessed; they count as not met.")
    click.echo(f"Supports: {found.status}. {found.status_reason}")
    for loss in found.losses:
        click.echo(f"  -{loss.points}  {loss.requirement_id}  {loss.title}: {loss.reason}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def verify(as_json: bool) -> None:
    """Check all bytes against their hashes, rows against bytes, and the audit log's chain."""
    tracker, _ = opened()
    with byte_bar(shown=not as_json) as bar:
        task = bar.add_task("Checking the bytes", total=verifying.total(tracker))
        report = verifying.run(tracker, lambda size: bar.advance(task, size))
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        _tell(report)
    if report.problems:
        sys.exit(1)


def _tell(report: Report) -> None:
    for name in report.removed:
        click.echo(f"Removed a leftover: {name}")
    click.echo(
        f"Checked {report.blobs:,} stored files ({report.bytes:,} bytes) and {report.entries:,} audit entries, "
        f"newest hash {report.head[:16]}."
    )
    for problem in report.problems:
        click.echo(problem)
    if report.problems:
        click.echo(f"{len(report.problems)} found. Restore what is named from a backup.", err=True)
    else:
        click.echo("Everything is as it was recorded.")
