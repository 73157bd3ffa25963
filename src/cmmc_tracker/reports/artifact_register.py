"""The artifact register as a workbook: what an assessor copies into the CMMC eMASS, by objective and by file; as CSV
what other programs read, by file.
"""

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from cmmc_tracker.domain.assessment import Status
from cmmc_tracker.domain.catalog import load
from cmmc_tracker.reports.cells import Sheet, book_of, csv_lines
from cmmc_tracker.reports.facts import summary

_LONGEST = 4_000  # characters of one field of the eMASS
_CUT = " … (cut; the rest stands in the sheet Artifacts)"
OBJECTIVES = (
    *("Requirement", "Objective", "Finding", "Artifacts", "Interviews", "Examine", "Test", "Note", "Inherited", "ESP"),
    *("Assessed on", "Assessed by"),
)
ARTIFACTS = (
    *("ID", "Title", "Kind", "Status", "Version", "File in the package", "Original name", "SHA-256", "Size"),
    *("Media type", "Collected on", "Received at", "Received by", "Objectives", "Due on", "Held at"),
)
_DAYS = {"Assessed on", "Collected on", "Due on"}
_INSTANTS = {"Received at"}


def make(snapshot: Mapping[str, Any]) -> bytes:
    """The workbook of a snapshot; the same snapshot gives the same bytes."""
    file = io.BytesIO()
    book_of(
        file,
        snapshot["frozen_at"],
        Sheet("Objectives", OBJECTIVES, _objectives(snapshot), _DAYS),
        Sheet("Artifacts", ARTIFACTS, _artifacts(snapshot), _DAYS, _INSTANTS),
        summary(snapshot),
    )
    return file.getvalue()


def make_csv(snapshot: Mapping[str, Any]) -> bytes:
    """The files of all artifacts as CSV (RFC 4180), in UTF-8 with its mark, which spreadsheet programs ask for."""
    return "".join(csv_lines([ARTIFACTS, *_artifacts(snapshot)])).encode("utf-8-sig")


def _objectives(snapshot: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    titles: dict[tuple[str, str], list[str]] = defaultdict(list)
    for artifact in snapshot["artifacts"]:
        for link in artifact["links"]:
            titles[link["requirement"], link["letter"]].append(artifact["title"])
    found = {(one["requirement"], one["letter"]): one for one in snapshot["findings"]}
    shared = _inherited(snapshot)
    rows = []
    for requirement in load(snapshot["system"]["level"]).requirements:
        for objective in requirement.objectives:
            one = found[requirement.id, objective.letter]
            providers = shared.get((requirement.id, objective.letter), {})
            rows.append(
                (
                    requirement.id,
                    objective.id,
                    Status(one["status"]).label,
                    _cut("; ".join(titles[requirement.id, objective.letter])),
                    *(_cut(one[name]) for name in ("interviewed", "examined", "tested", "note")),
                    _how_far(set(providers.values())),
                    "; ".join(providers),
                    one["judged_at"] and one["judged_at"][:10],
                    one["judged_by"],
                )
            )
    return rows


def _inherited(snapshot: Mapping[str, Any]) -> Mapping[tuple[str, str], dict[str, str]]:
    """For each objective the providers whose matrix gives them a part of it, and which."""
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for provider in snapshot["providers"]:
        for line in provider["matrix"]:
            if line["duty"] in {"provider", "shared"}:
                found[line["requirement"], line["letter"]][provider["name"]] = line["duty"]
    return found


def _how_far(duties: set[str]) -> str:
    if not duties:
        return "None"
    return "Full" if duties == {"provider"} else "Partial"


def _artifacts(snapshot: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    files: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for file in snapshot["files"]:
        files[file["artifact"]].append(file)
    return [row for artifact in snapshot["artifacts"] for row in _rows(artifact, files[artifact["id"]])]


def _rows(artifact: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]]:
    """One line for each file of an artifact, in the package or held elsewhere."""
    proves = "; ".join(f"{link['requirement']}[{link['letter']}]" for link in artifact["links"])
    first = (artifact["id"], artifact["title"], artifact["kind"], artifact["status"], artifact["current_version"])
    version = artifact["version"]
    last = (artifact["collected_on"], version["received_at"], version["received_by"], proves, artifact["due_on"])
    rows: list[Sequence[Any]] = [
        (*first, one["path"], one["original"], one["sha256"], one["size"], one["media_type"], *last, "")
        for one in files
    ]
    rows += [
        (*first, "", one["filename"], one["sha256"], one["size"], one["media_type"], *last, one["location"])
        for one in artifact["held"]
    ]
    return rows


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - len(_CUT)] + _CUT
