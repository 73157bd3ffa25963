"""Audit entries as a SIEM takes them: RFC 5424 with structured data, or CEF. Pure.

Every message carries the entry's number, its hash and the hash of the entry before it, so that whoever collects them
sees a gap, and an entry that was altered on its way or in the database since. A long detail is cut, and says so:
receivers need not take more (RFC 5424, 6.1), and the hash is that of the whole entry, which the tracker keeps.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from cmmc_tracker.domain.audit import Entry, Event

Form = Callable[["Numbered", "Sender", int], str]

# Private enterprise number 32473 is the one for examples (RFC 5612): this program has none of its own.
SD_ID = "cmmcAudit@32473"
_FACILITY = 13  # "log audit" (RFC 5424, table 1)
_CRITICAL, _WARNING, _NOTICE = 2, 4, 5  # severities (RFC 5424, table 2)
_CEF = {_CRITICAL: 9, _WARNING: 6, _NOTICE: 3}  # of 10
_GRAVE = frozenset({Event.INTEGRITY_BROKEN})
_REFUSED = re.compile(r":(failed|refused|quarantined|rejected)$", re.ASCII)
_NOT_SD = re.compile(r'(["\\\]])')
_HALF_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\$")
_NOT_ASCII = re.compile(r"[^!-~]")


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry with its number and its hash."""

    number: int
    entry: Entry
    hash: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the host's name and the program's version."""

    host: str
    version: str


def severity(action: str) -> int:
    """How grave an action is, as syslog counts (2 critical, 4 warning, 5 notice)."""
    if action in _GRAVE:
        return _CRITICAL
    return _WARNING if _REFUSED.search(action) else _NOTICE


def rfc5424(one: Numbered, sender: Sender, most: int) -> str:
    """A syslog message (RFC 5424, 6) of at most that many octets; its text is the entry's detail, as ASCII JSON."""
    entry = one.entry
    actor_id = "" if entry.actor_id is None else str(entry.actor_id)
    told = {
        "entry": str(one.number),
        "hash": one.hash,
        "previous": entry.previous,
        "actor": entry.actor,
        "actorId": actor_id,
        "address": entry.address,
        "action": entry.action,
        "entity": entry.entity,
    }
    element = "".join(f' {name}="{_sd_value(value)}"' for name, value in told.items())
    head = _header(one, sender)
    text = _ascii_json(entry.detail)
    whole = f"{head} [{SD_ID}{element}] {text}"
    room = most - len(whole.encode()) + len(text)
    if room >= len(text):
        return whole
    return f'{head} [{SD_ID}{element} cut="{len(text)}"] {text[: max(0, room - len(str(len(text))) - 7)]}'


def cef(one: Numbered, sender: Sender, most: int) -> str:
    """The entry as an event of the Common Event Format, of at most that many octets, without a syslog header.

    Header fields escape `|` and `\\`, extensions `=`, `\\` and line ends (ArcSight, "Implementing CEF", revision 25).
    """
    entry = one.entry
    at = datetime.fromisoformat(entry.at)
    grade = _CEF[severity(entry.action)]
    named = entry.action.replace(":", " ").replace("_", " ")
    header = ("CEF:0", "CMMC Artifact Tracker", "cmmc-tracker", sender.version, entry.action, named, str(grade))
    fields = {
        "rt": str(int(at.timestamp() * 1_000)),
        "externalId": str(one.number),
        "act": entry.action,
        "suser": entry.actor,
        "suid": "" if entry.actor_id is None else str(entry.actor_id),
        "src": entry.address if _is_address(entry.address) else "",
        "dvchost": sender.host,
        "cs1Label": "hash",
        "cs1": one.hash,
        "cs2Label": "previousHash",
        "cs2": entry.previous,
        "cs3Label": "entity",
        "cs3": entry.entity,
        "msg": _ascii_json(entry.detail),
    }
    begin = "|".join(_cef_header(part) for part in header)
    body = " ".join(f"{name}={_cef_value(value)}" for name, value in fields.items() if value)
    whole = f"{begin}|{body}"
    if len(whole.encode()) <= most:
        return whole
    cut = whole.encode()[: most - len(" cn1Label=cut cn1=1")].decode("utf-8", "ignore")
    return _HALF_ESCAPE.sub(r"\1", cut) + " cn1Label=cut cn1=1"


def cef_in_syslog(one: Numbered, sender: Sender, most: int) -> str:
    """A CEF event behind a syslog header (RFC 5424), as receivers take it from a line."""
    head = _header(one, sender)
    return f"{head} - {cef(one, sender, most - len(head) - 3)}"


def _header(one: Numbered, sender: Sender) -> str:
    """PRI, version, instant, host, program, no process, the action (RFC 5424, 6.2)."""
    priority = _FACILITY * 8 + severity(one.entry.action)
    host = _NOT_ASCII.sub("-", sender.host)[:255] or "-"
    kind = _NOT_ASCII.sub("-", one.entry.action)[:32] or "-"
    at = _NOT_ASCII.sub("", one.entry.at)[:32] or "-"
    return f"<{priority}>1 {at} {host} cmmc-tracker - {kind}"


def _sd_value(text: str) -> str:
    """A parameter's value: quotation mark, backslash and bracket escaped (RFC 5424, 6.3.3), control signs as `#ooo`."""
    return _without_controls(_NOT_SD.sub(r"\\\1", text))


def _cef_header(text: str) -> str:
    return _without_controls(text).replace("\\", "\\\\").replace("|", "\\|")


def _cef_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _without_controls(escaped)


def _without_controls(text: str) -> str:
    """The text on one line whatever stands in it: a line end would begin a message of its own in a file."""
    return "".join(sign if sign.isprintable() else "".join(f"#{b:03o}" for b in _octets(sign)) for sign in text)


def _octets(sign: str) -> bytes:
    return sign.encode("utf-8", "replace")


def _ascii_json(detail: str) -> str:
    """The detail with every letter beyond ASCII as JSON's escape, so that no receiver has to know its coding."""
    try:
        return json.dumps(json.loads(detail), sort_keys=True, separators=(",", ":"))
    except ValueError:  # somebody altered it: it is sent as a text, and its hash tells
        return json.dumps(detail)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
