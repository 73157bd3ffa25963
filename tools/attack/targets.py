"""What sqlmap is set upon: one HTTP request for each operation of the API, and for each page that filters.

The operations come from the OpenAPI description, so that a new one is attacked without a word here. What is sent in a
field is looked up by its name: a request that the product takes reaches the statements behind it, one that it refuses
at the door proves nothing. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

# Good values by the field's name; where operations mean different things by one name, by operation and name.
VALUES: Mapping[Any, object] = {
    "act": "retire",
    "answer": "seen",
    "action": "artifact:created",
    "cadence": "once",
    "actor": "command line",
    "collected_on": "2026-02-01",
    "covers_from": "2026-01-01",
    "covers_until": "2026-02-01",
    "cursor": "100",
    "description": "for the scan",
    "entity": "artifact:1",
    "family": "AC",
    "file": "1",
    "implementation_status": "implemented",
    "kind": "policy",
    "level": 2,
    "link": True,
    "limit": "5",
    "location": "",
    "locator": "p. 1",
    "methods": ["examine"],
    "milestones": [{"text": "Scan"}],
    "name": "Scan",
    "manifest_sha256": "",
    "may_download": True,
    "narrative": "for the scan",
    "note": "seen",
    "objective": "AC.L2-3.1.1[a]",
    "objectives": "AC.L2-3.1.1[a]",
    "closing_note": "seen",
    "operational": True,
    "owner": "",
    "planned_completion": "2030-01-01",
    "requirement": "AC.L2-3.1.3",  # NOT MET in the demo
    "resources": "time",
    "state": "open",
    "purpose": "readiness",
    "weakness": "for the scan",
    "whom": "Kim",
    "path": "3.1.1/scan.txt",
    "q": "policy",
    "remark": "seen",
    "responsibility": "own",
    "reason": "for the scan",
    "retained_until": "2099-01-01",
    "reviewer": "",
    "shows": "it is so",
    "since": "2026-01-01",
    "status": "met",
    "strip_location": "no",
    "system": "main",
    "title": "Scan",
    "until": "2030-01-01",
    ("create_viewer", "until"): (date.today() + timedelta(days=90)).isoformat(),  # noqa: DTZ011 any near day
    ("list_artifacts", "status"): "approved",
    ("list_items", "kind"): "poam",
    ("change_item", "status"): "in_progress",
}
# Never sent: the token in a header needs no CSRF token, and a version would let only the first of many writes through.
# A file is sent, so nothing is said of one that is held elsewhere.
_HELD = {"location", "sha256", "size", "filename", "media_type", "held_files"}
_LEFT_OUT = {"X-CSRF-Token", "If-Match", "csrf_token", "partial", "releasable", *_HELD}
PAGES = (
    "/artifacts?q=policy&kind=policy&status=approved&family=AC&objective=AC.L2-3.1.1[a]&unlinked=&cursor=100",
    "/artifacts/1/objectives?q=access&system=main&next=/",
    "/triage?q=access&system=main&order=oldest&at=1&from=1",
    "/artifacts/picker?q=policy&objective=AC.L2-3.1.1[a]&system=main",
    "/audit?actor=ada&action=login:succeeded&entity=user&q=ada&since=2026-01-01&until=2030-01-01&cursor=100000",
    "/systems/main/requirements?q=access&family=AC&status=met&without=&unproven=&owner=ada",
    "/my-work/hand-over?to=bo",
    "/systems/main/poam?kind=poam&state=open&q=access",
    "/systems/main/poam/new?requirement=AC.L2-3.1.1&kind=operational",
    "/systems/main/score?mend=AC.L2-3.1.1",
    "/systems/main/requests?shown=open&about=AC.L2-3.1.1[a]&objective=AC.L2-3.1.1[a]",
    "/systems/main/scope/assets?q=server&category=cui&group=Laptops&lacking=1&cursor=1",
    "/systems/main/scope/people?cursor=1",
    "/systems/main/packages/1/changes?since=1",
    "/systems/main/ssp/references?find=policy",
    "/systems/main/assess?way=open&q=access&at=AC.L2-3.1.1[a]",
    "/systems/main/worksheet?family=AC",
    "/systems/main/placemat?weight=5&owner=ada&status=met",
    "/systems/main/readiness?by=check&group=3",
    "/systems/main/people?what=owner",
    "/calendar?assessment=2030-01-01",
    "/artifacts/1/compare?left=1&right=1",
    "/?system=main",
)
_BOUNDARY = "attack-6c1f0b7d2a"


@dataclass(frozen=True)
class Target:
    """One request. `where` names it in the report; `marked` is the path with sqlmap's marks in it."""

    where: str
    method: str
    path: str
    marked: str
    body: str = ""
    media_type: str = ""
    page: bool = False

    def request(self, host: str, header: str, *, marked: bool = True) -> str:
        """The request as text; `header` is what signs it in."""
        lines = [f"{self.method} {self.marked if marked else self.path} HTTP/1.1", f"Host: {host}", header]
        if self.body:
            lines.append(f"Content-Type: {self.media_type}")
        return "\r\n".join([*lines, "", self.body])


def of_description(document: Mapping[str, Any]) -> list[Target]:
    """A target for each operation that takes anything; those that delete come last: others need what they delete."""
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            one = _target(document, path, method.upper(), operation)
            if one.marked != one.path or "?" in one.path or one.body:
                found.append(one)
    return sorted(found, key=lambda one: one.method == "DELETE")


def of_pages() -> list[Target]:
    """A target for each page that filters."""
    return [Target(f"GET {path.partition('?')[0]}", "GET", path, path, page=True) for path in PAGES]


def _target(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Target:
    plain = marked = path
    query = {}
    for one in operation.get("parameters", []):
        name = one["name"]
        if one["in"] == "path":
            plain = plain.replace(f"{{{name}}}", str(one["example"]))
            marked = marked.replace(f"{{{name}}}", f"{one['example']}*")
        elif one["in"] == "query":
            query[name] = _value(operation["operationId"], name)
    asked = f"?{urlencode(query)}" if query else ""
    media_type, body = _body(document, operation)
    return Target(f"{method} {path}", method, plain + asked, marked + asked, body, media_type)


def _value(operation: str, name: str) -> object:
    return VALUES.get((operation, name), VALUES.get(name, "1"))


def _body(document: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[str, str]:
    """The media type and the body, or two empty texts."""
    content = operation.get("requestBody", {}).get("content", {})
    for media_type, described in content.items():
        names = _names(document, described["schema"])
        values = {name: _value(operation["operationId"], name) for name in names if name not in _LEFT_OUT}
        if media_type == "application/json":
            return media_type, json.dumps(values)
        if media_type == "multipart/form-data":
            return f"{media_type}; boundary={_BOUNDARY}", "".join(_parts(values))
    return "", ""


def _names(document: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    if "$ref" in schema:
        return _names(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return list(schema.get("properties", {}))


def _parts(values: Mapping[str, object]) -> Iterator[str]:
    for name, value in values.items():
        if name == "file":
            continue
        yield f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    if "file" in values:
        place = 'Content-Disposition: form-data; name="file"; filename="scan.txt"\r\nContent-Type: text/plain'
        yield f"--{_BOUNDARY}\r\n{place}\r\n\r\nwhat a scan sends\r\n"
    yield f"--{_BOUNDARY}--\r\n"
