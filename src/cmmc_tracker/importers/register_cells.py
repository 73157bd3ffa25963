"""The cells of a register whose words and numbers people write in several ways. Pure."""

import re

from cmmc_tracker.domain.artifacts import Kind
from cmmc_tracker.domain.freshness import Cadence
from cmmc_tracker.domain.held import parse_sha256
from cmmc_tracker.domain.uploads import clean_name, extension_of
from cmmc_tracker.errors import Invalid
from cmmc_tracker.importers.register_table import compact

_SIZE = re.compile(r"(\d{1,3}(?:[ ,.'’]\d{3}){0,5}|\d{1,18})(?: ?(?:b|bytes))?", re.IGNORECASE)
_KINDS = {
    **{compact(kind): kind.value for kind in Kind},
    **dict.fromkeys(("policies", "policydocument"), Kind.POLICY.value),
    **dict.fromkeys(("procedures", "sop", "workinstruction"), Kind.PROCEDURE.value),
    **dict.fromkeys(("plans", "ssp", "systemsecurityplan"), Kind.PLAN.value),
    **dict.fromkeys(("screenshots", "screencapture", "screenprint"), Kind.SCREENSHOT.value),
    **dict.fromkeys(("config", "configuration", "configexport", "export"), Kind.CONFIGURATION_EXPORT.value),
    **dict.fromkeys(("logs", "logfile", "auditlog"), Kind.LOG.value),
    **dict.fromkeys(("records",), Kind.RECORD.value),
    **dict.fromkeys(("diagrams", "drawing", "networkdiagram"), Kind.DIAGRAM.value),
    **dict.fromkeys(("training", "trainingrecords"), Kind.TRAINING_RECORD.value),
    **dict.fromkeys(("contracts", "agreement"), Kind.CONTRACT.value),
    **dict.fromkeys(("misc", "miscellaneous"), Kind.OTHER.value),
}
_CADENCES = {
    **{compact(cadence): cadence.value for cadence in Cadence},
    **dict.fromkeys(("onetime", "never", "none", "na"), Cadence.ONCE.value),
    **dict.fromkeys(("everymonth", "every1month", "1month", "permonth"), Cadence.MONTHLY.value),
    **dict.fromkeys(("everyquarter", "every3months", "3months", "quarter"), Cadence.QUARTERLY.value),
    **dict.fromkeys(
        ("semiannual", "semiannually", "every6months", "6months", "everyhalfyear", "twiceayear"),
        Cadence.HALF_YEARLY.value,
    ),
    **dict.fromkeys(
        ("annual", "annually", "everyyear", "every12months", "12months", "onceayear"), Cadence.YEARLY.value
    ),
    **dict.fromkeys(("asneeded", "adhoc", "asrequired", "uponchange"), Cadence.ON_CHANGE.value),
}
# What is not among them is left as it stands, for the check of facts to refuse by name.
WORDS = {"kind": _KINDS, "cadence": _CADENCES}


def read_sha256(text: str) -> str:
    """The hash in small letters, also after `SHA-256:` and with spaces in it; empty for what is none."""
    try:
        return parse_sha256(text)
    except ValueError:
        return ""


def read_size(text: str) -> int | None:
    """A whole number of bytes, also as `1,234,567 bytes`; None for what is none."""
    match = _SIZE.fullmatch(text[:40])
    return int(re.sub(r"\D", "", match[1])) if match else None


def file_name(path: str) -> str:
    """The name at a path's end as the tracker keeps it; empty for none."""
    try:
        return clean_name(path) if path else ""
    except Invalid:
        return ""


def title_of(path: str) -> str:
    """A title for a file that has none: its name without the extension."""
    name = file_name(path) or path
    ending = extension_of(name)
    return name[: -len(ending)] if ending else name
