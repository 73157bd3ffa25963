"""Which kind of evidence a file may be, by its name: a proposal that somebody sees in a form and can change. Pure.

Our own rules. What an English name says last is what the thing is (an "access policy screenshot" is a screenshot, a
"training policy" a policy), and of two marks that end alike the longer one is meant. Where no mark is found the ending
may tell; else nothing is proposed. No kind is ever set by it: what nobody chose is `other`, also in the API.
"""

import re
from collections.abc import Iterator, Mapping

from cmmc_tracker.domain.artifacts import Kind

_MARKS: Mapping[Kind, str] = {
    Kind.POLICY: "policy, policies, acceptable use, rules of behavior",
    Kind.PROCEDURE: "procedure, procedures, sop, sops, runbook, playbook, how to, work instruction, work instructions",
    Kind.PLAN: "plan, plans, ssp, plan of action, poam, roadmap",
    Kind.SCREENSHOT: "screenshot, screenshots, screen shot, screen shots, screen capture, snip",
    Kind.CONFIGURATION_EXPORT: (
        "config, configs, configuration, configurations, conf, export, settings, ruleset, firewall rules, baseline, "
        "group policy, group policies, gpo, gpresult"
    ),
    Kind.LOG: "log, logs, syslog, event viewer",
    Kind.RECORD: (
        "record, records, review, reviews, log review, log reviews, minutes, ticket, tickets, checklist, report, "
        "reports, scan results, test results, inventory, roster, approval, policy review, plan test"
    ),
    Kind.DIAGRAM: "diagram, diagrams, topology, network map, floor plan, floor plans, data flow, data flows",
    Kind.TRAINING_RECORD: (
        "training, training record, training records, training log, training report, training roster, "
        "attendance, attendance list, certificate of completion, completion certificate"
    ),
    Kind.CONTRACT: "contract, contracts, agreement, agreements, nda, msa, sla, sow, mou, purchase order, dpa",
}
# Phrase by phrase, for the page that proposes while files are chosen.
MARKS: Mapping[str, Kind] = {mark: kind for kind, marks in _MARKS.items() for mark in marks.split(", ")}
# Of names without a mark: what is drawn from a screen is kept so by most systems; a photo (.jpg) may be of anything.
ENDINGS: Mapping[str, Kind] = {"png": Kind.SCREENSHOT}

_LOOKED_AT = 200  # characters of a name
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")


def proposed(filename: str) -> Kind | None:
    """The kind that a file's name speaks of; None where it speaks of none."""
    stem, dot, ending = filename[-_LOOKED_AT:].rpartition(".")
    words = " ".join(_WORD.findall(_CAMEL.sub(" ", stem or ending).lower()))
    found = max(_found(f" {words} "), default=None)
    if found:
        return MARKS[found[2]]
    return ENDINGS.get(ending.lower()) if dot else None


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each mark ends last in the text, and how long it is."""
    for mark in MARKS:
        at = text.rfind(f" {mark} ")
        if at >= 0:
            yield at + len(mark), len(mark), mark
