"""What `docs/handoff.md` promises to people who use a package: every document and every placeholder stands there."""

import re
from pathlib import Path

from cmmc_tracker.domain.plan_template import BLOCKS, TEXTS
from cmmc_tracker.reports.registry import REPORTS

DOC = Path(__file__).parents[2].joinpath("docs/handoff.md").read_text(encoding="utf-8")


def test_every_document_is_described_and_no_other() -> None:
    table = DOC[DOC.index("## The documents") : DOC.index("## Your own template")]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([a-z.-]+)`", " ".join(first))) == sorted([*REPORTS, "records.json"])


def test_every_placeholder_is_described_as_the_page_describes_it() -> None:
    part = DOC[DOC.index("## Your own template") : DOC.index("## The audit log")]
    found = dict(re.findall(r"^\| `\{\{([a-z._]+)\}\}` \| (.+) \|$", part, re.MULTILINE))
    assert found == {**TEXTS, **BLOCKS}
