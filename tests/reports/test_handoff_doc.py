"""What `docs/handoff.md` promises to people who use a package: every document and every placeholder stands there."""

import re
from html import escape
from pathlib import Path
from typing import Any

from cmmc_tracker.domain.plan_template import BLOCKS, TEXTS
from cmmc_tracker.reports.handoff.readme import page
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


def test_the_page_of_a_package_says_what_each_document_is_and_where_to_look_in_each_artifact(
    demo_snapshot: dict[str, Any],
) -> None:
    demo_snapshot |= {"name": "Of record", "purpose": "final"}
    paths = [f"documents/{name}" for name in REPORTS]
    made = page(demo_snapshot, 1, "0" * 64, paths)
    assert [one for one in paths if f'<li><a href="{one}">{one}</a>: ' not in made] == []
    links = [link for one in demo_snapshot["artifacts"] for link in one["links"] if link["locator"]]
    assert len(links) > 50
    assert [one for one in links if f", {escape(one['locator'])}: {escape(one['shows'])}" not in made] == []
    assert "PROVISIONAL: 90 of 320 objectives not assessed." in made
    without = re.sub(r"<script>.*?</script>", "", made, flags=re.DOTALL)
    assert without.count("hidden") == 2  # the search, which needs the script, and the rule that hides it
