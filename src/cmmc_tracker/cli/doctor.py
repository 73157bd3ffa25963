"""`cmmc-tracker doctor`: is the installation well, and how is mended what is not?"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

import click

from cmmc_tracker import config
from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.config import SHORTEST_SECRET, Settings
from cmmc_tracker.errors import Misconfigured
from cmmc_tracker.opening import stream_of
from cmmc_tracker.services import doctor as examining
from cmmc_tracker.services.doctor import Finding, Grade, Patient
from cmmc_tracker.storage import mail
from cmmc_tracker.storage.scanner import Clamd

_MAIL_PATIENCE = mail.Patience(step=5.0, whole=10.0)
_SIGNS = {Grade.GOOD: "✓", Grade.WARNING: "!", Grade.BAD: "✗"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option("--online", is_flag=True, help="Also ask the site at PUBLIC_URL, as a browser would.")
@click.option("--url", default="", metavar="URL", help="With --online: ask this site instead.")
def doctor(as_json: bool, online: bool, url: str) -> None:
    """Look at the installation and say how to mend what is not well. Changes nothing; 1 when something is bad."""
    if url and not online:
        raise click.UsageError("--url goes with --online: without it nobody is asked anything.")
    if online and url and not config.is_site(url):
        raise click.BadParameter("it must be like https://tracker.example.com", param_hint="--url")
    found = _examined(online=online, url=url)
    bad = any(one.grade is Grade.BAD for one in found)
    if as_json:
        click.echo(json.dumps({"well": not bad, "findings": [asdict(one) for one in found]}, indent=1))
    else:
        _tell(found)
    sys.exit(1 if bad else 0)


def _examined(*, online: bool, url: str) -> list[Finding]:
    try:
        settings = config.read()
        site = (url or settings.public_url) if online else ""
        with examining.attached(_patient(settings, site)) as patient:
            found = examining.examine(patient)
    except Misconfigured as error:
        return [Finding("settings", Grade.BAD, error.message, "mend what is named, and look again")]
    if online and not site:
        found.append(Finding("site", Grade.BAD, "PUBLIC_URL names none to ask", "set PUBLIC_URL, or give --url"))
    return found


def _patient(settings: Settings, site: str) -> Patient:
    return Patient(
        secret_length=0 if settings.secret_is_random else len(settings.secret),
        shortest_secret=SHORTEST_SECRET,
        production=settings.production,
        debug=settings.debug,
        public_url=settings.public_url,
        trusted_proxies=settings.trusted_proxies,
        max_upload_bytes=settings.max_upload_bytes,
        rate_limit_url=settings.rate_limit_url,
        data_dir=settings.data_dir,
        store=settings.upload_path,
        database_url=settings.database_url,
        now=datetime.now(UTC),
        scanner=Clamd(settings.scanner_url) if settings.scanner_url else None,
        mailer=mail.Smtp(settings.smtp_url, settings.mail_from, _MAIL_PATIENCE) if settings.smtp_url else None,
        mail_is_open=bool(settings.smtp_url) and mail.server(settings.smtp_url).is_open,
        ask=site.rstrip("/"),
        metrics_token_length=len(settings.metrics_token),
        stream=stream_of(settings),
        secrets=(
            settings.secret,
            settings.metrics_token,
            *_passwords(settings.database_url, settings.rate_limit_url, settings.smtp_url),
        ),
    )


def _passwords(*urls: str) -> tuple[str, ...]:
    """The passwords in addresses, each as it is written and as it is meant."""
    written = [urlsplit(url).password or "" for url in urls]
    return tuple(dict.fromkeys([*written, *map(unquote, written)]))


def _tell(found: list[Finding]) -> None:
    for one in found:
        mend = f" Mend: {one.remedy}." if one.remedy else ""
        click.echo(one_line(f"{_SIGNS[one.grade]} {one.check}: {one.text}.{mend}"))
    bad = sum(one.grade is Grade.BAD for one in found)
    warnings = sum(one.grade is Grade.WARNING for one in found)
    click.echo(f"{len(found)} findings: {bad} bad, {warnings} to think about.")
