"""The documents of a full system: 110 narratives of 300 words, 320 objectives judged, 200 artifacts with 640 links."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
from sqlalchemy import update

from bench import fill
from bench.pages import opened
from bench.stage import Line
from cmmc_tracker.reports.registry import REPORTS
from cmmc_tracker.services.handoff import packages
from cmmc_tracker.storage import tables

_SCHEMAS = Path(__file__).parent.parent / "tests" / "reports" / "oscal" / "schema"
_VALIDATED = {"oscal-ssp.json": "ssp", "oscal-assessment-results.json": "assessment-results"}
_PDF, _WORD, _QUICK = 5.0, 3.0, 1.0  # seconds


def documents(folder: Path) -> Iterator[Line]:
    """Each document of a full system, made from one snapshot; the OSCAL documents validated by NIST's schemas."""
    tracker = opened(folder)
    fill.people(tracker)
    fill.judged(tracker)
    fill.evidence(tracker, 200, 640)
    actor = fill.operator(tracker)
    words = " ".join(f"word{n}" for n in range(299))
    with tracker.write(actor) as work:
        work.db.execute(update(tables.implementations).values(narrative=f"Written: {words}", changed_at=work.now))
    began = time.perf_counter()
    with tracker.read(actor) as work:
        snapshot = json.loads(json.dumps(packages.picture(work, actor.systems["main"])))
    yield Line("snapshot of a full system", "none given", f"{time.perf_counter() - began:.2f} s", True)
    for name, report in REPORTS.items():
        if report.optional:
            continue
        most = _PDF if name.endswith(".pdf") else _WORD if name.endswith(".docx") else _QUICK
        began = time.perf_counter()
        made = report.make(snapshot)
        taken = time.perf_counter() - began
        yield Line(f"{name} of a full system", f"{most:.0f} s", f"{taken:.2f} s", taken < most)
        if name in _VALIDATED:
            yield _validated(name, made)
    tracker.engine.dispose()


def _validated(name: str, made: bytes) -> Line:
    schema = json.loads((_SCHEMAS / f"oscal_{_VALIDATED[name]}_schema.json").read_text())
    validator, document = jsonschema_rs.validator_for(schema), json.loads(made)
    began = time.perf_counter()
    is_valid = validator.is_valid(document)
    taken = time.perf_counter() - began
    return Line(f"{name} validated by NIST's schema", "1 s, valid", f"{taken:.2f} s", is_valid and taken < _QUICK)
