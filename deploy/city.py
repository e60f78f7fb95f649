"""What the application itself does during `make up`: migrate, build the demo city, name the accounts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from deploy.child import clean_environment, output, run, show
from deploy.places import Places, Settings, secret_key
from deploy.progress import Step, Trouble

# Runs inside .venv, where psycopg is; prints 'empty' or 'built'.
PROBE = """
import os, psycopg
from psycopg import sql
with psycopg.connect(os.environ["JINGWEI_DATABASE_URL"]) as connection:
    schema = os.environ.get("JINGWEI_SCHEMA") or "jingwei"
    connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
    row = connection.execute("SELECT EXISTS (SELECT FROM cells)").fetchone()
    print("built" if row[0] else "empty")
"""


def environment(places: Places, settings: Settings, *, url: str) -> dict[str, str]:
    """Return the settings that the application's programs get on top of the caller's own JINGWEI_*."""
    given = {name: value for name, value in os.environ.items() if name.startswith("JINGWEI_") and value}
    key = given.get("JINGWEI_SECRET_KEY") or secret_key(places)
    ours = {
        "JINGWEI_PORT": str(settings.port),
        "JINGWEI_DATABASE_URL": url,
        "JINGWEI_SECRET_KEY": key,
        "JINGWEI_OWNER_URL": "",  # not for what runs on, whatever the caller has set
        "PYTHONUNBUFFERED": "1",
    }
    return given | ours


def owners(env: Mapping[str, str], owner_url: str | None) -> dict[str, str]:
    """Return the environment of what changes tables: with the address of their owner."""
    return dict(env) | ({"JINGWEI_OWNER_URL": owner_url} if owner_url else {})


def migrate(places: Places, step: Step, env: Mapping[str, str]) -> None:
    """Bring the tables up to date.

    Raises:
        Trouble: the database cannot be reached or a migration failed.
    """
    run(
        [places.bin / "jingwei", "migrate"],
        step,
        log=places.log / "migrate.log",
        what="the tables could not be brought up to date",
        mend="read the lines above; with a JINGWEI_DATABASE_URL of your own, check that it can be reached, "
        "has PostGIS and lets this user create a schema. Then run the same command again.",
        env=env,
        cwd=places.root,
    )


def build_demo(places: Places, step: Step, env: Mapping[str, str]) -> None:
    """Build the demo city where the city is empty; `jingwei demo` does it whole or not at all.

    Raises:
        Trouble: the database could not be asked, or the city could not be built.
    """
    state = output([places.bin / "python", "-c", PROBE], env=env)
    if state is None:
        raise Trouble("the database could not be asked for its cells.", "`make logs` shows what it says.")
    if state == "built":
        step.note = "the city is there"
        return
    words = [places.bin / "jingwei", "demo"]
    if sys.stdout.isatty():
        step.clear()
        if show(words, env=env, cwd=places.root):
            raise Trouble("the demo city could not be built.", "read the lines above, then run this again.")
    else:
        log = places.log / "demo.log"
        run(words, step, log=log, what="the demo city could not be built", env=env, cwd=places.root)
    step.note = "built"


def accounts(places: Places, env: Mapping[str, str]) -> str:
    """Return the demo accounts as `jingwei accounts` prints them."""
    child = output([places.bin / "jingwei", "accounts"], env=clean_environment(env))
    return child or "(the accounts could not be read: `.venv/bin/jingwei accounts` says why)"
