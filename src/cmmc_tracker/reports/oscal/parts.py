"""What the OSCAL documents share: identifiers, metadata, properties, the artifacts as resources.

NIST's OSCAL reference, version 1.2.1. Lists that would be empty are left out, for the schema allows none; what the
tracker says beyond OSCAL stands in properties of its own namespace.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

VERSION = "1.2.1"
NAMESPACE = "https://cmmc-tracker.example/ns/oscal"
_ROOT = uuid5(NAMESPACE_URL, NAMESPACE)
_BREAKS = re.compile(r"\s+")


def uid(snapshot: Mapping[str, Any], kind: str, key: object) -> str:
    """A UUID (version 5) that the same thing of the same system always has, so that two exports can be compared."""
    return str(uuid5(_ROOT, f"{snapshot['system']['slug']}/{kind}/{key}"))


def line(text: object, otherwise: str = "none") -> str:
    """A text without line breaks and blanks around it, never empty."""
    return _BREAKS.sub(" ", str(text)).strip() or otherwise


def words(text: object, otherwise: str = "none") -> str:
    """A text of several lines, never empty."""
    return str(text).strip() or otherwise


def prop(name: str, value: object) -> dict[str, str]:
    """A property of the tracker's own."""
    return {"name": name, "ns": NAMESPACE, "value": line(value)}


def kept(**fields: Any) -> dict[str, Any]:
    """An object without what is empty; `_` at the end and between words stands for nothing and for a hyphen."""
    told = {name.rstrip("_").replace("_", "-"): value for name, value in fields.items()}
    return {name: value for name, value in told.items() if value not in ([], {}, None, "")}


def metadata(snapshot: Mapping[str, Any], title: str) -> dict[str, Any]:
    """The head of a document: when it was frozen is when it was last modified."""
    organization = snapshot["organization"]
    party = uid(snapshot, "party", "organization")
    parties = [{"uuid": party, "type": "organization", "name": line(organization)}] if organization else []
    return kept(
        title=line(f"{title}: {snapshot['system']['name']}"),
        last_modified=snapshot["frozen_at"],
        version=snapshot["frozen_at"],
        oscal_version=VERSION,
        props=[prop("cmmc-level", snapshot["system"]["level"]), *_provisional(snapshot)],
        parties=parties,
    )


def _provisional(snapshot: Mapping[str, Any]) -> list[dict[str, str]]:
    open_ = snapshot["score"]["unassessed_objectives"]
    return [prop("provisional", f"{open_} objectives not assessed")] if open_ else []


def objective_id(requirement: str, letter: str) -> str:
    """An objective as a token: brackets are none."""
    return f"{requirement}_obj.{letter}"


def resources(snapshot: Mapping[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    """The back matter: each artifact with the hashes of its files, and what else is pointed to."""
    files: dict[int, list[Mapping[str, Any]]] = {}
    for file in snapshot["files"]:
        files.setdefault(file["artifact"], []).append(file)
    found = [_resource(snapshot, one, files.get(one["id"], [])) for one in snapshot["artifacts"]]
    return {"resources": [*more, *found]}


def _resource(
    snapshot: Mapping[str, Any], artifact: Mapping[str, Any], files: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    links = [_rlink(one["path"].replace(" ", "%20"), one) for one in files]
    links += [_rlink(f"held/{artifact['id']}/{one['position']}", one) for one in artifact["held"]]
    held = [prop("held-at", one["location"]) for one in artifact["held"]]
    return kept(
        uuid=uid(snapshot, "artifact", artifact["id"]),
        title=line(artifact["title"]),
        description=artifact["description"].strip(),
        props=[prop("kind", artifact["kind"]), prop("status", artifact["status"]), *held],
        rlinks=links,
    )


def _rlink(href: str, file: Mapping[str, Any]) -> dict[str, Any]:
    hashes = [{"algorithm": "SHA-256", "value": file["sha256"]}]
    return kept(href=href, media_type=file["media_type"], hashes=hashes)


def profile(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """The resource that stands for the requirements of the level, where no published profile is named."""
    level = snapshot["system"]["level"]
    return kept(
        uuid=uid(snapshot, "resource", "profile"),
        title=f"Requirements of CMMC Level {level}",
        description=f"32 CFR part 170, Level {level}; NIST SP 800-171 Rev. 2 and SP 800-171A where it points to them.",
    )


def written(name: str, document: Mapping[str, Any]) -> bytes:
    """The document as JSON; the same snapshot gives the same bytes."""
    return json.dumps({name: document}, indent=1, ensure_ascii=False).encode() + b"\n"
