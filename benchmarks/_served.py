"""The application as served, with two routes more that do nothing: what a server can do at the most.

`/hello` is a route of the application itself, with everything that every request passes; `/bare` is a Flask
of its own in the same process. Neither is part of the product.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

from app import create_app
from app.identity.access import allow
from app.identity.rules import Permission

app = create_app()
bare = Flask("bare")


@app.get("/hello")
@allow(Permission.PUBLIC)
def hello() -> Response:
    """Say hello."""
    return Response("hello", content_type="text/plain")


@bare.get("/bare")
def bare_hello() -> Response:
    """Say hello, with nothing around."""
    return Response("hello", content_type="text/plain")


def served(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request by the application or the bare one."""
    return (bare if environ["PATH_INFO"] == "/bare" else app).wsgi_app(environ, start_response)
