"""A real browser before a real server, over a city of 24 cells of its own."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.db import make_engine
from app.maps.publish import publish
from app.settings import ROOT, Settings
from app.transaction import Tx
from tests.city import PASSWORD

ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
PATIENCE_MS = 90_000
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def city(
    server: Any, template: str, name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings on a clone with published tiles."""
    made = replace(server.create(f"{name}_browser", template), var=tmp_path_factory.mktemp("browser"))
    engine = make_engine(made)
    with engine.begin() as connection:
        publish(Tx(connection), at=datetime.now(UTC))
    engine.dispose()
    yield made
    server.drop(f"{name}_browser")


@pytest.fixture(scope="session")
def address(city: Settings) -> Iterator[str]:
    """The address of a gunicorn over the city."""
    if not list((ROOT / "app" / "static" / "vendor").glob("maplibre-gl-*")):
        pytest.fail("the browser's parts are missing: run `make test`, which runs `npm ci` and copies them")
    port = _free_port()
    settings = {
        "JINGWEI_DATABASE_URL": city.database_url,
        "JINGWEI_VAR": str(city.var),
        "JINGWEI_SECRET_KEY": "for tests only",
        "JINGWEI_PORT": str(port),
    }
    rest = {name: value for name, value in os.environ.items() if not name.startswith("JINGWEI_")}
    log = (city.var / "server.log").open("wb")
    command = [sys.executable, "-m", "gunicorn", f"--bind=127.0.0.1:{port}", "--threads=8", "wsgi:app"]
    process = subprocess.Popen(command, cwd=ROOT, env=rest | settings, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/readyz", process, city.var / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(150):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (URLError, OSError):
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server does not answer:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, with WebGL in software and no other host."""
    path = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
    if path is None:
        pytest.fail("no Chromium: run `make test`, which installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, NO_OTHER_HOST])
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page, what it asked of other hosts, and what its console complained of."""

    page: Page
    context: BrowserContext
    address: str
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def sign_in(self, username: str, path: str = "/map") -> Page:
        """Sign in by the form and go to `path`."""
        self.page.goto(f"{self.address}/sign-in")
        self.page.fill("#username", username)
        self.page.fill("#password", PASSWORD)
        self.page.click("form:has(#username) button[type=submit]")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        self.page.goto(self.address + path)
        return self.page

    def idle(self) -> None:
        """Wait until the map has drawn everything."""
        self.page.wait_for_selector("html[data-map-idle]", state="attached", timeout=PATIENCE_MS)

    def colours(self) -> int:
        """Return how many colours the middle of the map shows."""
        return len(self.middle().quantize(64).getcolors())

    def middle(self) -> Image.Image:
        """Return the middle of the map as a picture."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        w, h = picture.size
        return picture.crop((w // 3, h // 3, 2 * w // 3, 2 * h // 3))

    def violations(self) -> list[str]:
        """Return what axe-core finds, one line each."""
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate(
            "rules => axe.run(document, {runOnly: rules}).then(r => r.violations.map(v =>"
            " `${v.id}: ${v.help}: ${v.nodes.map(n => n.html.slice(0, 120)).join(' | ')}`))",
            RULES,
        )
        return list(found)


@pytest.fixture
def visit(chromium: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """Open a browser window: `visit(width, height, phone=, dark=, lang=)`; asserts peace at the end."""
    opened: list[Visit] = []

    def make(
        width: int = 1366, height: int = 768, *, phone: bool = False, dark: bool = False, lang: str = "zh"
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            is_mobile=phone,
            has_touch=phone,
            reduced_motion="reduce",
            geolocation={"longitude": 122.9915, "latitude": 41.1025, "accuracy": 8},
            permissions=["geolocation"],
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "jingwei_language", "value": lang, "url": address}])
        made = Visit(context.new_page(), context, address)

        def gate(route: Any) -> None:
            if route.request.url.startswith((address, "data:", "blob:")):
                route.continue_()
            else:
                made.elsewhere.append(route.request.url)
                route.abort()

        context.route("**/*", gate)
        made.page.on("console", lambda m: m.type == "error" and made.complaints.append(m.text))
        made.page.on("pageerror", lambda e: made.complaints.append(str(e)))
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.context.close()
        assert made.elsewhere == []
        assert made.complaints == []
