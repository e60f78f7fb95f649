"""Commands: tokens for scripts, people, and the demo accounts."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from app import clock, transaction
from app.audit.rules import operator_of_machine
from app.db import make_engine
from app.identity import actions, passwords, queries
from app.identity.rules import Role, Scope, checked_password, checked_username
from app.settings import Settings, read_settings
from app.transaction import read, write


def _open() -> Settings:
    settings = read_settings()
    transaction.bind(make_engine(settings, pool_size=1))
    return settings


@click.group()
def token() -> None:
    """Tokens with which scripts and QGIS come in."""


@token.command("create")
@click.argument("name")
@click.option("--as", "username", help="Whom it acts as; else a person 'script' with the city's desk.")
@click.option("--days", type=click.IntRange(1, 3650), help="When it expires; else never.")
@click.option(
    "--scope", type=click.Choice([s.value for s in Scope]), default="full", help="'read' only looks."
)
def create_token(name: str, username: str | None, days: int | None, scope: str) -> None:
    """Make the token NAME and print it, once: it is stored hashed."""
    _open()
    lifetime = None if days is None else timedelta(days=days)
    with write() as tx:
        person = actions.script_person(tx) if username is None else queries.person_id(tx, username)
        secret = actions.create_token(
            tx,
            name,
            person_id=person,
            at=clock.now(),
            lifetime=lifetime,
            scope=Scope(scope),
            by=operator_of_machine(),
        )
    click.echo(secret)
    click.echo(
        "It is shown this once. Send it as `Authorization: Bearer ...`; QGIS: Basic, the token as password.",
        err=True,
    )


@token.command("list")
def list_tokens() -> None:
    """List the tokens: name, whose, scope, made, used, expires."""
    _open()
    with read() as tx:
        found = queries.tokens(tx)
    for card in found:
        end = f"revoked {_day(card.revoked_at)}" if card.revoked_at else f"until {_day(card.expires_at)}"
        made, used = _day(card.created_at), _day(card.used_at)
        click.echo(f"{card.name}\t{card.username}\t{card.scope}\tmade {made}\tused {used}\t{end}")


@token.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """Let nobody in with the token NAME any more."""
    _open()
    with write() as tx:
        actions.revoke_token(tx, name, at=clock.now(), by=operator_of_machine())
    click.echo(f"the token {name!r} works no more")


@click.command()
def accounts() -> None:
    """Print the demo accounts and their password."""
    settings = _open()
    with read() as tx:
        found = queries.demo_accounts(tx)
    if not found:
        click.echo("no demo accounts; `jingwei person create` makes a person")
        return
    for account in found:
        click.echo(f"{account.username:<12}{account.area}  {account.name}")
    click.echo(f"password: {settings.demo_password} (JINGWEI_DEMO_PASSWORD when the demo city was built)")


@click.group()
def person() -> None:
    """People who can sign in."""


@person.command("create")
@click.argument("username")
@click.argument("name")
@click.option("--role", type=click.Choice([r.value for r in Role]), required=True)
@click.option("--area", required=True, help="Division code of the area of authority.")
@click.option("--worker", help="Code of the worker that this person is.")
@click.password_option(help="Asked for when not given; others on this machine can read an argument.")
def create_person(  # noqa: PLR0917 - click calls by keyword
    username: str, name: str, role: str, area: str, worker: str | None, password: str
) -> None:
    """Make the person USERNAME, called NAME, with a role in an area."""
    _open()
    password_hash = passwords.hashed(checked_password(password, checked_username(username)))
    new = actions.NewPerson(username, name, Role(role), area, worker)
    with write() as tx:
        actions.create_person(tx, new, password_hash, by=operator_of_machine())
    click.echo(f"{username} may sign in")


@person.command("password")
@click.argument("username")
@click.password_option()
def set_password(username: str, password: str) -> None:
    """Give USERNAME another password; their sessions end."""
    _open()
    with write() as tx:
        actions.set_password(tx, username, password, by=operator_of_machine())
    click.echo(f"{username} has another password; all their sessions ended")


@person.command("close")
@click.argument("username")
def close_account(username: str) -> None:
    """Let USERNAME in no more; what they did stays."""
    _open()
    with write() as tx:
        actions.close_account(tx, username, by=operator_of_machine())
    click.echo(f"{username} can sign in no more")


@person.command("grant")
@click.argument("username")
@click.option("--role", type=click.Choice([r.value for r in Role]), required=True)
@click.option("--area", required=True, help="Division code of the area of authority.")
def grant_role(username: str, role: str, area: str) -> None:
    """Give USERNAME a role in an area and all below it."""
    _open()
    with write() as tx:
        actions.grant(tx, queries.person_id(tx, username), Role(role), area, by=operator_of_machine())
    click.echo(f"{username} is {role} in {area}")


@person.command("revoke")
@click.argument("username")
@click.option("--role", type=click.Choice([r.value for r in Role]), required=True)
@click.option("--area", required=True, help="Division code of the area of authority.")
def revoke_role(username: str, role: str, area: str) -> None:
    """Take a role in an area from USERNAME."""
    _open()
    with write() as tx:
        actions.revoke(tx, queries.person_id(tx, username), Role(role), area, by=operator_of_machine())
    click.echo(f"{username} is no {role} in {area} any more")


def _day(at: datetime | None) -> str:
    return "never" if at is None else at.date().isoformat()
