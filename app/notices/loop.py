"""The loop that tells and sends, in a thread of the background worker's process.

It stands beside the queue and not in it: a mail server that takes ten seconds to fail may not hold up an
escalation, and every three seconds would leave a row there.
"""

from __future__ import annotations

import logging
import threading

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.notices.actions import send_all, tell_all
from app.notices.channels import ways
from app.settings import Settings

log = logging.getLogger(__name__)
EVERY_S = 3.0
AWAY_S = 15.0


def run_once(settings: Settings) -> tuple[int, int]:
    """Tell what happened and send what is due; return how many notices and how many deliveries."""
    opened, at = ways(settings), clock.now()
    told = tell_all(opened, at=at)
    sent = send_all(opened, at=at, secret=settings.secret_key, public_url=settings.public_url)
    return told, sent


class Loop:
    """The thread. `stop` lets the delivery under way end: one that is cut off is sent again later."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round under way, or leave it after twenty seconds."""
        self._over.set()
        self._thread.join(20)

    def _run(self) -> None:
        wait = 0.0
        while not self._over.wait(wait):
            wait = self._round()

    def _round(self) -> float:
        """Do one round, and return after how many seconds the next follows."""
        try:
            told, sent = run_once(self._settings)
        except (SQLAlchemyError, psycopg.Error) as error:
            log.warning("notices: the database does not answer (%s)", type(error).__name__)
            return AWAY_S
        except Exception:  # the loop is an edge: it goes on, and the log says what failed
            log.exception("notices: a round failed")
            return AWAY_S
        if told or sent:
            log.info("notices: %s made, %s sent", told, sent)
        return EVERY_S
