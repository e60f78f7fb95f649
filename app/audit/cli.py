"""`jingwei audit`: list the record, verify its chain, seal what waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import orjson

from app import clock, transaction
from app.audit import actions, queries
from app.audit.queries import Verdict, Wanted
from app.db import make_engine
from app.settings import Settings, read_settings
from app.transaction import read, write

EVERYWHERE = ("",)
DAYS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class KnownHead(click.ParamType[tuple[int, bytes]]):
    """PLACE:HASH, as `jingwei audit head` and the background worker's log tell it."""

    name = "place:hash"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, bytes]:
        """Return place and hash."""
        if isinstance(value, tuple):
            return value
        place, _, text = str(value).partition(":")
        try:
            known = int(place), bytes.fromhex(text)
        except ValueError:
            self.fail(f"{value!r} is no head: write it like 1204:5f3a...", param, ctx)
        if len(known[1]) != 32:
            self.fail(f"{text!r} is no SHA-256: it has 64 digits 0-9a-f", param, ctx)
        return known


@contextmanager
def _database() -> Iterator[Settings]:
    settings = read_settings()
    engine = make_engine(settings, pool_size=1)
    transaction.bind(engine)
    try:
        yield settings
    finally:
        transaction.bind(None)
        engine.dispose()


@click.group()
def audit() -> None:
    """The record of who did what, and who read whose data."""


@audit.command()
@click.option("--from", "start", type=DAYS, help="Leave out what was sealed before; local time.")
@click.option("--to", "end", type=DAYS, help="Leave out what was sealed from then on; local time.")
@click.option("--head", type=KnownHead(), help="A head that was kept elsewhere: PLACE:HASH.")
@click.pass_context
def verify(
    ctx: click.Context, start: datetime | None, end: datetime | None, head: tuple[int, bytes] | None
) -> None:
    """Recompute the chain; name the first row that is not as it was sealed, and end with exit code 1."""
    with _database() as settings, read(snapshot=True) as tx:
        warning = queries.rights(tx).warning
        verdict = queries.verify(
            tx,
            secret=settings.secret_key,
            at=clock.now(),
            start=_moment(start, settings),
            end=_moment(end, settings),
            known=head,
        )
    for line in _doubts(verdict, warning, settings):
        click.echo(f"warning: {line}", err=True)
    if verdict.broken is None:
        click.echo(f"sound: {verdict.rows:,} rows, {verdict.heads:,} heads" + _ending(verdict))
        return
    broken = verdict.broken
    row = "" if broken.id is None else f"row {broken.id}, "
    place = f"place {broken.no} of the chain" if broken.no else "in no chain"
    click.echo(f"BROKEN at {row}{place}: {broken.why}; {verdict.rows:,} rows before it are sound")
    ctx.exit(1)


def _ending(verdict: Verdict) -> str:
    return "" if verdict.head is None else f"; head {verdict.head.no}:{verdict.head.hash.hex()}"


def _doubts(verdict: Verdict, warning: str | None, settings: Settings) -> Iterator[str]:
    if warning is not None:
        yield warning
    if not settings.secret_key:
        yield "heads are neither signed nor checked: set JINGWEI_SECRET_KEY"
    elif verdict.foreign:
        yield f"{verdict.foreign:,} of {verdict.heads:,} heads are not signed with the present secret key"


@audit.command()
@click.option("--former-key", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="File with the secret key before this one, after a change of it.")  # fmt: skip
def seal(former_key: Path | None) -> None:
    """Chain what is in no chain yet; the background worker does it every minute."""
    former = None if former_key is None else former_key.read_text("utf-8").strip()
    with _database() as settings:
        while True:
            with write() as tx:
                secret, at = settings.secret_key, clock.now()
                made = actions.seal(tx, secret=secret, at=at, former=former, since=0)
            if made is None:
                break
            former = None
            click.echo(f"sealed up to {made.no}:{made.hash.hex()}")


@audit.command()
def head() -> None:
    """Print the newest head, to be kept where nobody who owns the database can write."""
    with _database(), read() as tx:
        found = queries.newest_head(tx)
    if found is None:
        click.echo("nothing is sealed yet", err=True)
        return
    click.echo(f"{found.no}:{found.hash.hex()}")


@audit.command("list")
@click.option("--who", help="Username.")
@click.option("--what", help="Action, such as person_read.")
@click.option("--subject", help='Such as "case 0190...".')
@click.option("--from", "start", type=DAYS, help="Local time.")
@click.option("--to", "end", type=DAYS, help="Local time.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
def list_rows(
    *,
    who: str | None,
    what: str | None,
    subject: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
) -> None:
    """List the record, newest first, one row a line."""
    with _database() as settings, read() as tx:
        wanted = Wanted(
            areas=EVERYWHERE,
            whole=True,
            username=who,
            action=what,
            subject=subject,
            since=_moment(start, settings),
            until=_moment(end, settings),
            limit=limit,
        )
        for row in queries.recorded(tx, wanted):
            at = row.at.astimezone(ZoneInfo(settings.timezone)).isoformat(timespec="seconds")
            more = orjson.dumps(row.detail).decode() if row.detail else ""
            parts = (str(row.id), at, row.username, row.action, row.subject, row.area_code or "", more)
            click.echo("\t".join(part.replace("\t", " ").replace("\n", " ") for part in parts))


def _moment(local: datetime | None, settings: Settings) -> datetime | None:
    return None if local is None else local.replace(tzinfo=ZoneInfo(settings.timezone)).astimezone(UTC)
