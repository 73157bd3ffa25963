"""`cmmc-tracker package diff A B`: what changed between two packages, of this installation or zips from anywhere."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import opened, system_named
from cmmc_tracker.cli.package_times import JSON, SYSTEM
from cmmc_tracker.domain.handoff import comparison
from cmmc_tracker.domain.handoff.comparison import Change, Section
from cmmc_tracker.reports.handoff import unpacked
from cmmc_tracker.services.handoff import packages

_LONGEST = 60  # characters of a value on a line; the whole stands in --json


@click.command()
@click.argument("then", metavar="A")
@click.argument("now", metavar="B")
@SYSTEM
@JSON
def diff(then: str, now: str, slug: str | None, *, as_json: bool) -> None:
    """Tell what changed from package A to package B.

    Each is the id of a package, or its zip file, for which no installation is needed.
    """
    records = [_of_number(int(one), slug) if one.isdecimal() else _of_file(one) for one in (then, now)]
    sections = comparison.compare(*records)
    if as_json:
        told = [{"name": one["name"], "frozen_at": one["frozen_at"]} for one in records]
        changes = {"then": told[0], "now": told[1], "sections": [asdict(one) for one in sections]}
        click.echo(json.dumps(changes))
        return
    for line in _lines(sections):
        click.echo(one_line(line))


def _of_number(package_id: int, slug: str | None) -> dict[str, Any]:
    tracker, actor = opened()
    with tracker.read(actor) as work:
        return packages.snapshot(work, system_named(actor, slug), package_id)


def _of_file(place: str) -> dict[str, Any]:
    if not Path(place).exists():
        raise click.BadParameter(f"{place} is no id of a package, and there is no such file.", param_hint="A or B")
    try:
        return unpacked.record(Path(place))
    except unpacked.Unusable as error:
        click.echo(one_line(f"{place}: {error}"), err=True)
        sys.exit(1)


def _lines(sections: list[Section]) -> list[str]:
    if not sections:
        return ["Nothing changed."]
    lines = []
    for section in sections:
        lines.append(section.label)
        lines += [f"  {_line(one)}" for one in section.changes]
    return lines


def _line(change: Change) -> str:
    facts = "; ".join(f"{one.name}: {_short(one.then)} -> {_short(one.now)}" for one in change.fields)
    return f"{change.kind.value:<7}  {change.what}" + (f" ({facts})" if facts else "")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return (text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…") or "nothing"
