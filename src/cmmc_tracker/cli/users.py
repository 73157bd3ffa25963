"""`cmmc-tracker user`: accounts, from the machine itself."""

import json
import sys

import click

from cmmc_tracker.cli.lines import one_line
from cmmc_tracker.cli.open import opened
from cmmc_tracker.domain.accounts import parse_role
from cmmc_tracker.domain.permissions import Organization
from cmmc_tracker.errors import Invalid
from cmmc_tracker.services import accounts, second_factor


@click.group()
def user() -> None:
    """Accounts: add, list, disable, enable, new password, second factor, role."""


def _password(from_stdin: bool) -> str:
    """The password, from a pipe or typed unseen; only its line end is taken off."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Invalid({"password": "Give the password on standard input with --password-stdin."})
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="The password again")
    return typed


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["admin", "user"]), required=True, help="What the person may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--organization",
    type=click.Choice([one.value for one in Organization]),
    default=Organization.OURS.value,
    show_default=True,
    help="Whose people it is of; an assessor sees the package that is opened to the account.",
)
def add(name: str, role: str, password_stdin: bool, organization: str) -> None:
    """Make an account."""
    tracker, actor = opened()
    who = accounts.candidate(name, _password(password_stdin), role, organization)
    with tracker.write(actor) as work:
        accounts.create(work, who)
    click.echo(f"{who.name} can sign in now, as {who.role}.")


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
def list_(as_json: bool) -> None:
    """List all accounts."""
    tracker, actor = opened()
    with tracker.read(actor) as work:
        everyone = accounts.everyone(work)
    if as_json:
        rows = [{"id": a.id, "name": a.name, "role": a.role, "disabled": a.disabled_at is not None} for a in everyone]
        click.echo(json.dumps(rows))
        return
    for one in everyone:
        click.echo(f"{one_line(one.name)}\t{one.role}\t{'disabled' if one.disabled_at else 'active'}")
    if not everyone:
        click.echo("There are no accounts yet; `cmmc-tracker serve` prints a link for the first one.")


@user.command()
@click.argument("name")
def disable(name: str) -> None:
    """Take sign-in away and end all sessions."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        accounts.disable(work, accounts.named(work, name).id)
    click.echo(f"{one_line(name)} is disabled.")


@user.command()
@click.argument("name")
def enable(name: str) -> None:
    """Give sign-in back."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        accounts.enable(work, accounts.named(work, name).id)
    click.echo(f"{one_line(name)} is enabled.")


@user.command("reset-password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def reset_password(name: str, password_stdin: bool) -> None:
    """Set a new password and end all sessions."""
    tracker, actor = opened()
    with tracker.read(actor) as work:
        account = accounts.named(work, name)
    accounts.reset_password(tracker, actor, "", account.id, _password(password_stdin))
    click.echo(f"{account.name} has a new password; all sessions have ended and the API tokens are revoked.")


@user.command("reset-second-factor")
@click.argument("name")
def reset_second_factor(name: str) -> None:
    """For a lost phone: take the second factor away and end all sessions."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        account = accounts.named(work, name)
        second_factor.reset(work, account.id)
    click.echo(f"{account.name} has no second factor now; all sessions have ended. The password alone signs in.")


@user.command("set-role")
@click.argument("name")
@click.argument("role", type=click.Choice(["admin", "user"]))
def set_role(name: str, role: str) -> None:
    """Change a role and end all sessions."""
    tracker, actor = opened()
    with tracker.write(actor) as work:
        account = accounts.named(work, name)
        accounts.set_role(work, account.id, parse_role(role))
    click.echo(f"{account.name} is now {role}.")
