"""The ways out of the city: e-mail by SMTP, a signed webhook, and SMS, whose default writes files."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import smtplib
import socket
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import orjson

from app.errors import BadValue
from app.notices.rules import Channel
from app.settings import Settings

TIMEOUT_S = 10
MAX_ADDRESS = 500
AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `id` is the delivery's, the same at every try, so that a receiver can drop doubles."""

    id: UUID
    address: str
    text: str
    link: str
    at: datetime
    data: Mapping[str, Any]
    key: bytes = b""


class NotSent(Exception):
    """A message did not go out.

    `down`: nothing goes on that way just now; `for_good`: this message never will.
    """

    def __init__(self, why: str, *, down: bool = False, for_good: bool = False) -> None:
        super().__init__(why)
        self.down, self.for_good = down, for_good


class Way(Protocol):
    """A way out. A message that `send` returned from has been taken over by the other side."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            NotSent: it was not taken over.
        """


def ways(settings: Settings) -> dict[Channel, Way]:
    """Return the ways that the settings open."""
    opened: dict[Channel, Way] = {Channel.WEBHOOK: Webhook(settings)}
    if settings.smtp_host:
        opened[Channel.EMAIL] = Smtp(settings)
    if settings.sms == "file":
        opened[Channel.SMS] = SmsFiles(settings.var / "sms")
    return opened


class Smtp:
    """E-mail by the city's mail server."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def send(self, message: Message) -> None:
        """Send a mail; once the server has taken it, nothing that happens later makes it unsent."""
        mail = self._mail(message)
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_told(error), down=True) from None
        try:
            server.send_message(mail)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            # of this mail, not of the server: others go on
            raise NotSent(_told(error), for_good=_code(error) >= 500) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotSent(_told(error), down=True) from None
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _connected(self) -> smtplib.SMTP:
        wanted = self.settings
        made = smtplib.SMTP_SSL if wanted.smtp_security == "tls" else smtplib.SMTP
        server = made(wanted.smtp_host, wanted.smtp_port, timeout=TIMEOUT_S)
        try:
            if wanted.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if wanted.smtp_user:
                server.login(wanted.smtp_user, wanted.smtp_password)
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, message: Message) -> EmailMessage:
        sender = self.settings.smtp_from
        mail = EmailMessage()
        mail["From"] = sender
        mail["To"] = message.address
        mail["Subject"] = message.text
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{message.id}@{parseaddr(sender)[1].rpartition('@')[2] or 'jingwei'}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{message.text}\n\n{message.link}\n" if message.link else f"{message.text}\n")
        return mail


class Webhook:
    """A POST of JSON, signed with the receiver's key. It follows no redirect, and no private address."""

    def __init__(self, settings: Settings) -> None:
        self.trusted = trusted_hosts(settings)

    def send(self, message: Message) -> None:
        """Send a message. The address is looked up once, checked, and connected to as it was checked."""
        try:
            url = checked_webhook(message.address, self.trusted)
        except BadValue as error:
            raise NotSent(error.message, for_good=True) from None
        body = orjson.dumps(
            {
                "id": str(message.id),
                "at": message.at,
                "text": message.text,
                "link": message.link,
                **message.data,
            }
        )
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": str(message.id),
            "X-Jingwei-Signature": f"sha256={signature(message.key, body)}",
            "User-Agent": "Jingwei",
        }
        try:
            status = self._post(url, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise NotSent(_told(error), down=True) from None
        if status >= 500 or status in AGAIN:
            raise NotSent(f"HTTP {status}", down=True)
        if status >= 300:
            raise NotSent(f"HTTP {status}; a redirect is not followed" if status < 400 else f"HTTP {status}")

    def _post(self, url: SplitResult, body: bytes, headers: dict[str, str]) -> int:
        host = url.hostname or ""
        port = url.port or (443 if url.scheme == "https" else 80)
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        connection.sock = self._connected(url, host, port)
        try:
            path = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("POST", path, body, {**headers, "Host": url.netloc})
            return connection.getresponse().status
        finally:
            connection.close()

    def _connected(self, url: SplitResult, host: str, port: int) -> socket.socket:
        address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        if not (host in self.trusted or ip_address(address.split("%", 1)[0]).is_global):
            raise NotSent(f"{host} lies in a private network; see JINGWEI_WEBHOOK_HOSTS", for_good=True)
        plain = socket.create_connection((address, port), timeout=TIMEOUT_S)
        if url.scheme != "https":
            return plain
        try:
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise


class SmsFiles:
    """SMS as files, one a message, for a gateway to fetch: the same message again is the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: Message) -> None:
        """Write `<id>.json`, whole or not at all, readable by its owner alone."""
        body = orjson.dumps(
            {"id": str(message.id), "phone": message.address, "text": message.text, "at": message.at}
        )
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as part:
                part.write(body)
            Path(part.name).replace(self.folder / f"{message.id}.json")
        except OSError as error:
            raise NotSent(_told(error), down=True) from None


def signature(key: bytes, body: bytes) -> str:
    """Return what a webhook's receiver computes from the body to know that it is ours."""
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def webhook_key(secret: str, person_id: int) -> bytes:
    """Return the key that signs for a person's webhook; it is made of the city's secret, and not kept."""
    return hmac.new(secret.encode(), f"webhook {person_id}".encode(), hashlib.sha256).hexdigest().encode()


def trusted_hosts(settings: Settings) -> frozenset[str]:
    """Return the hosts that may be asked without TLS and in a private network."""
    return frozenset(host.strip().lower() for host in settings.webhook_hosts.split(",") if host.strip())


def checked_webhook(address: str, trusted: frozenset[str]) -> SplitResult:
    """Return the parts of a webhook's address.

    Raises:
        BadValue: it is none that may be asked.
    """
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    plain = address.isascii() and address.isprintable() and " " not in address
    if not host or not plain or len(address) > MAX_ADDRESS or url.username is not None or url.fragment:
        raise BadValue(
            "webhook: this is no address; write https://host/path", field="webhook", value=address[:80]
        )
    if url.scheme != "https" and not (url.scheme == "http" and host in trusted):
        raise BadValue(
            "webhook: only https, or a host of JINGWEI_WEBHOOK_HOSTS", field="webhook", value=address[:80]
        )
    return url


def _told(error: Exception) -> str:
    """Return an error in short; a server's words may repeat an address, so their number alone is kept."""
    detail = _code(error) or getattr(error, "strerror", None) or ""
    return f"{type(error).__name__} {detail}".strip()


def _code(error: Exception) -> int:
    """Return the number of an answer by SMTP, 0 where there is none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max(code for code, _ in error.recipients.values())
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0
