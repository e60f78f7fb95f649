"""A city of its own for each test, since the reader sees committed events only; takers of mails and posts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app, transaction
from app.db import named_statements
from app.settings import Settings
from app.transaction import write
from tests import people
from tests.people import Api


class MailServer:
    """A little SMTP server that keeps what it takes; `refuse` is what it answers to a recipient instead."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse = ""
        self.port = 0
        self.start()

    def start(self) -> None:
        """Come up, the second time at the same port."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            peer.sendall(b"220 tests\r\n")
            try:
                for line in lines:
                    word = line[:4].upper()
                    if word == b"DATA":
                        peer.sendall(b"354 go on\r\n")
                        self._take(lines)
                    answer = self.refuse if word == b"RCPT" and self.refuse else "250 ok"
                    peer.sendall(f"{answer}\r\n".encode())
                    if word == b"QUIT":
                        return
            except ConnectionError:
                return

    def _take(self, lines: Any) -> None:
        body = b"".join(iter(lines.readline, b".\r\n"))
        self.mails.append(message_from_bytes(body, policy=policy.default))  # type: ignore[arg-type]

    def stop(self) -> None:
        """Go down; whoever asks is refused."""
        if self._listening.fileno() >= 0:
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.stop()


class Hook:
    """A receiver of webhooks that keeps what it gets, and answers `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status, self.headers = 204, {}
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                for name, value in hook.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?city=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def wired(fresh: Settings, mail_server: MailServer) -> Settings:
    """Settings with a mail server, and webhooks to this machine."""
    return replace(
        fresh,
        smtp_host="127.0.0.1",
        smtp_port=mail_server.port,
        smtp_security="none",
        smtp_from="经纬 <jingwei@city.test>",
        webhook_hosts="127.0.0.1",
        public_url="https://city.test",
    )


EVENTS = "notices.events"
REAL = named_statements()[EVENTS]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read what is committed now. The horizon is the server's, where other tests write for long."""
    ours = REAL.text.replace("pg_snapshot_xmin", "pg_snapshot_xmax")
    assert ours != REAL.text
    monkeypatch.setitem(named_statements(), EVENTS, sa.text(ours))


@pytest.fixture
def live(wired: Settings, alone: None) -> Iterator[Flask]:
    """The application with real commits on a city of its own."""
    made = create_app(wired)
    with write() as tx:
        people.person(tx, "dispatcher_all", "dispatcher")
    yield made
    transaction.engine().dispose()
    transaction.bind(None)


@pytest.fixture
def ask(live: Flask) -> Callable[[str], Api]:
    """The API as the person of this username asks it."""

    def api(username: str) -> Api:
        with write() as tx:
            return Api(live, people.token(tx, username))

    return api


@pytest.fixture
def rows(live: Flask) -> Callable[..., list[Any]]:
    """Ask the database."""

    def query(statement: str, **parameters: Any) -> list[Any]:
        with write() as tx:
            found = tx.execute(sa.text(statement), parameters)
            return [tuple(row) for row in found] if found.returns_rows else []

    return query
