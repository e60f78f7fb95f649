"""The command `jingwei`."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import suppress
from datetime import datetime

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from tqdm import tqdm

from app import clock, schema, transaction
from app.audit import cli as audit_cli
from app.audit import queries as audit_queries
from app.calendar import cli as calendar_cli
from app.db import make_engine
from app.errors import JingweiError
from app.grid import cli as grid_cli
from app.identity import cli as identity_cli
from app.interop import cli as interop_cli
from app.notices import cli as notices_cli
from app.reports import cli as reports_cli
from app.settings import Settings, read_settings
from gis.errors import GisError

NO_TABLES = frozenset({"42P01", "42703", "42883", "3F000"})
"""PostgreSQL's states for a table, column, function or schema that is not there."""

REFUSED = frozenset({"42501"})
"""And for what the account may not do."""


AGAIN_S = 5
"""How long the background worker waits before it looks for a lost database again."""


class Commands(click.Group):
    """A group whose commands answer what the caller can mend in one line, with exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (JingweiError, GisError) as error:
            raise click.ClickException(str(error)) from None
        except (OperationalError, ProgrammingError) as error:
            raise click.ClickException(_database_trouble(error)) from None
        except CommandError as error:
            raise click.ClickException(
                f"migrations: {error}; run the newest Jingwei on this schema"
            ) from None


def _database_trouble(error: DBAPIError) -> str:
    """Return what to mend in one line.

    Raises:
        DBAPIError: the fault is ours, and its traceback is wanted.
    """
    state = getattr(error.orig, "sqlstate", None)
    if state in NO_TABLES:
        return (
            f"the schema {read_settings().schema!r} holds no city of this version: run `jingwei migrate`,"
            " or set JINGWEI_SCHEMA to the schema that does"
        )
    if isinstance(error, ProgrammingError) and state not in REFUSED:
        raise error
    said = " ".join(str(error.orig).split())
    return f"the database does not answer: {said}; start it (`make up`), or mend JINGWEI_DATABASE_URL"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Jingwei 经纬: grid governance for a city."""


for command in (
    audit_cli.audit,
    calendar_cli.calendar,
    identity_cli.token,
    identity_cli.person,
    identity_cli.accounts,
    interop_cli.import_,
    interop_cli.export,
    grid_cli.locate,
    notices_cli.notices,
    reports_cli.kpi,
    reports_cli.figures,
):
    main.add_command(command)


def open_database(settings: Settings | None = None) -> None:
    """Bind the database of the settings (the environment's), for a command that needs one."""
    transaction.bind(make_engine(settings or read_settings(), pool_size=2))


@main.command()
def migrate() -> None:
    """Make the schema, or bring it to the newest migration."""
    settings = read_settings()
    role = schema.role_of(make_engine(settings)) if settings.owner_url else None
    head = schema.migrate(make_engine(settings.as_owner()), settings, app_role=role)
    open_database()
    with transaction.read() as tx:
        warning = audit_queries.rights(tx).warning
    click.echo(f"schema {settings.schema} stands at {head}")
    if warning is not None:
        click.echo(f"warning: {warning}", err=True)


@main.command()
def publish() -> None:
    """Publish areas, cells, facilities and streets for the map, and sweep the tiles of older versions."""
    from app.maps.publish import publish as publish_layers  # noqa: PLC0415 - costs every other command 300 ms
    from app.maps.tiles import sweep  # noqa: PLC0415 - same

    open_database()
    settings = read_settings()
    with transaction.write() as tx:
        made = publish_layers(tx, at=clock.now())
    sweep(settings.tiles / settings.schema, [(layer.layer, layer.version) for layer in made])
    for layer in made:
        click.echo(f"{layer.layer}: {layer.features:,} features, {layer.broken_edges} broken edges")


@main.command()
@click.option("--workers", default=None, type=int, help="Processes (JINGWEI_WEB_WORKERS).")
def serve(workers: int | None) -> None:
    """Serve the web application with gunicorn."""
    settings = read_settings()
    make_engine(settings)  # what is wrong with the settings is said here, not by each of gunicorn's processes
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415 - costs every other command 100 ms

    sys.argv = [
        "gunicorn",
        f"--bind={settings.host}:{settings.port}",
        f"--workers={workers or settings.web_workers}",
        f"--threads={settings.web_threads}",
        "--worker-class=gthread",
        "--timeout=60",
        "--keep-alive=30",
        "--no-control-socket",
        "wsgi:app",
    ]
    run()


@main.command("jobs")
def run_jobs() -> None:
    """Do the background work, until stopped. When the database goes away, wait until it is back."""
    from app.notices.loop import Loop  # noqa: PLC0415 - as below
    from app.worker import LOST, make_worker  # noqa: PLC0415 - pulls in the map's libraries

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = read_settings()
    transaction.bind(make_engine(settings, pool_size=4))
    _warn_of_rights()
    loop = Loop(settings)
    loop.start()
    while True:
        try:
            make_worker(settings).run_worker()
        except LOST as error:
            logging.warning(
                "the database went away (%s); trying again in %s s", type(error).__name__, AGAIN_S
            )
            time.sleep(AGAIN_S)
        else:
            loop.stop()
            return


def _warn_of_rights() -> None:
    """Say at once, in the log that somebody reads, when the application could change its own audit."""
    with suppress(OperationalError, ProgrammingError), transaction.read() as tx:
        warning = audit_queries.rights(tx).warning
        if warning is not None:
            logging.warning("%s", warning)


@main.command()
@click.option("--cells", default=12_900, show_default=True, help="How large a city.")
@click.option("--seed", default=None, type=int, help="The only source of chance.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the past cases (today).")
@click.option("--if-empty", is_flag=True, help="Do nothing when there is a city already.")
@click.option(
    "--history", type=click.IntRange(min=1), help="Then add past cases until there are so many, say 1000000."
)
def demo(
    cells: int,
    seed: int | None,
    until: datetime | None,
    if_empty: bool,  # noqa: FBT001 - click's way
    history: int | None,
) -> None:
    """Build the demo city 鞍山 (演示数据) in an empty schema, with accounts and the map's tables.

    With --history, a demo city that stands is left as it is, and gets a long past.
    """
    from app.demo import DEFAULT_SEED, build, build_history  # noqa: PLC0415 - pulls in numba and geopandas

    settings = read_settings()
    open_database(settings.as_owner())  # who may ANALYZE what it has written
    with tqdm(total=100, bar_format="{desc:28} {percentage:3.0f} % |{bar}| {elapsed}", disable=None) as bar:

        def progress(fraction: float, label: str) -> None:
            bar.set_description_str(label)
            bar.update(round(fraction * 100) - bar.n)

        last = until.date() if until else None
        standing = if_empty or history is not None
        built = build(settings, cells=cells, seed=seed, until=last, if_empty=standing, progress=progress)
        if history is not None:
            bar.reset()
            seed = DEFAULT_SEED if seed is None else seed
            built += "\n" + build_history(history, seed=seed, progress=progress)
    click.echo(built)
