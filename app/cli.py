"""The command `jingwei`."""

from __future__ import annotations

import sys

import click

from app import clock, schema, transaction
from app.db import make_engine
from app.errors import JingweiError
from app.grid import cli as grid_cli
from app.identity import cli as identity_cli
from app.interop import cli as interop_cli
from app.settings import read_settings
from gis.errors import GisError


class Commands(click.Group):
    """A group whose commands answer what the caller can mend in one line, with exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (JingweiError, GisError) as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Jingwei 经纬: grid governance for a city."""


for command in (
    identity_cli.token,
    identity_cli.person,
    identity_cli.accounts,
    interop_cli.import_,
    interop_cli.export,
    grid_cli.locate,
):
    main.add_command(command)


def open_database() -> None:
    """Bind the database of the settings, for a command that needs one."""
    transaction.bind(make_engine(read_settings(), pool_size=2))


@main.command()
def migrate() -> None:
    """Make the schema, or bring it to the newest migration."""
    settings = read_settings()
    head = schema.migrate(make_engine(settings), settings)
    click.echo(f"schema {settings.schema} stands at {head}")


@main.command()
def publish() -> None:
    """Publish areas, cells and facilities for the map, and sweep the tiles of older versions."""
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
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415 - costs every other command 100 ms

    sys.argv = [
        "gunicorn",
        f"--bind={settings.host}:{settings.port}",
        f"--workers={workers or settings.web_workers}",
        f"--threads={settings.web_threads}",
        "--worker-class=gthread",
        "--timeout=60",
        "--keep-alive=30",
        "wsgi:app",
    ]
    run()
