"""Checks of what tells how it runs: the figures for a monitor, the audit log's stream, the jobs beside the server."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from cmmc_tracker.services import audit_stream
from cmmc_tracker.services.doctor.findings import OPERATOR, Finding, Patient, bad, good, warning
from cmmc_tracker.storage.tables import leases

GOOD_TOKEN = 32  # characters
_BEHIND = timedelta(minutes=10)
_IDLE = timedelta(hours=1)  # the imports are looked through every ten minutes
_REGULAR = "imports"


def metrics(p: Patient) -> Iterator[Finding]:
    """The token that opens the figures, where there is one."""
    if not p.metrics_token_length:
        yield good("metrics", "there is no /metrics: METRICS_TOKEN is not set")
    elif p.metrics_token_length < GOOD_TOKEN:
        text = f"the token has {p.metrics_token_length} characters; {GOOD_TOKEN} cannot be guessed"
        yield warning("metrics", text, "make a longer one: openssl rand -hex 32")
    else:
        yield good("metrics", f"/metrics opens by a token of {p.metrics_token_length} characters")


def stream(p: Patient) -> Iterator[Finding]:
    """Whether the audit log arrives where it is sent."""
    if p.stream is None:
        yield good("audit stream", "none is named; the log stays in the database")
        return
    if p.tracker is None:
        return
    with p.tracker.read(OPERATOR) as work:
        found = audit_stream.standing(work, p.stream)
    where = p.stream.shown
    if found.failures:
        text = f"{where} takes nothing ({found.why}): {found.behind} entries wait, after {found.failures} tries"
        yield bad("audit stream", text, "start the receiver, or mend AUDIT_STREAM; what waits is sent then")
    elif found.behind and (found.sent_at is None or found.sent_at < p.now - _BEHIND):
        text = f"{found.behind} entries wait for {where}, and nobody sends them"
        yield warning("audit stream", text, "start `cmmc-tracker serve`: a process beside its workers sends them")
    else:
        yield good("audit stream", f"{where} has everything up to entry {found.entry}")
    if where.startswith(("tcp:", "udp:")) and not where.partition("://")[2].startswith(("127.", "localhost", "[::1]")):
        text = f"the log goes to {where} in plain: names, addresses and reasons can be read on the way"
        yield warning("audit stream encryption", text, "use tls:// (RFC 5425)")


def jobs(p: Patient) -> Iterator[Finding]:
    """Whether somebody does the jobs: texts, checks of bytes, reminders, the stream."""
    if p.tracker is None:
        return
    with p.tracker.read(OPERATOR) as work:
        row = work.row(select(leases.c.done_at).where(leases.c.name == _REGULAR))
    done = row.done_at if row else None
    remedy = "start `cmmc-tracker serve`, and look at its log"
    if done is None:
        yield warning("jobs", "none was ever done: texts, checks and reminders wait", remedy)
    elif done < p.now - _IDLE:
        yield warning(
            "jobs", f"the last one was done at {done:%Y-%m-%d %H:%M}Z: texts, checks and reminders wait", remedy
        )
    else:
        yield good("jobs", f"done, the last one at {done:%Y-%m-%d %H:%M}Z")
