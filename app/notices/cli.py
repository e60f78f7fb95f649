"""`jingwei notices`: how deliveries stand, and what was given up, to try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click

from app import clock, transaction
from app.db import make_engine
from app.notices import queries
from app.notices.actions import retry
from app.settings import read_settings
from app.transaction import read, write


@contextmanager
def _database() -> Iterator[None]:
    engine = make_engine(read_settings(), pool_size=1)
    transaction.bind(engine)
    try:
        yield
    finally:
        transaction.bind(None)
        engine.dispose()


@click.group()
def notices() -> None:
    """What goes out by e-mail, webhook and SMS."""


@notices.command()
def state() -> None:
    """Count the deliveries by channel and state, and list what was given up."""
    with _database(), read() as tx:
        counts, failed = queries.states(tx), queries.failed(tx)
    for count in counts:
        click.echo(f"{count.channel}\t{count.state}\t{count.count}")
    for one in failed:
        told = (str(one.id), one.channel, one.no, one.username or "-", f"{one.tries} tries", one.error or "")
        click.echo("\t".join(told))


@notices.command("retry")
@click.argument("delivery", required=False, type=click.UUID)
def try_again(delivery: UUID | None) -> None:
    """Try DELIVERY again, or everything that was given up."""
    with _database(), write() as tx:
        count = retry(tx, delivery, at=clock.now())
    click.echo(f"{count} to be tried again")
