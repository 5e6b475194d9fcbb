"""A small web server, for this machine: volumes as chunks, and the Neuroglancer that shows them."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from metroem_core.errors import UserError

from .chunks import chunk, info
from .client import Client
from .opening import Opened
from .state import TOKEN

LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERYWHERE = ("0.0.0.0", "::")


class Server(ThreadingHTTPServer):
    """Serves volumes by their names under ``/data``, and Neuroglancer under ``/v``.

    Nothing is kept in memory but the chunks that are on their way.

    :ivar start: where ``/`` leads to.
    """

    daemon_threads = True

    def __init__(
        self, host: str, port: int, volumes: Sequence[Opened], client: Client, viewer: str
    ) -> None:
        self.volumes = {each.name: each for each in volumes}
        self.client, self.start = client, ""
        parts = urlsplit(viewer)
        self.friend = f"{parts.scheme}://{parts.netloc}"
        self.stopped = threading.Event()
        try:
            super().__init__((host, port), Handler)
        except OSError as error:
            raise UserError(
                f"cannot serve at {host}, port {port}: {error.strerror}. "
                "Choose another one with --port; 0 takes any that is free"
            ) from None

    @property
    def host(self) -> str:
        """The name by which browsers find it."""
        host = str(self.server_address[0])
        return socket.getfqdn() if host in EVERYWHERE else host

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def server_close(self) -> None:
        """Let everybody go who waits for events."""
        self.stopped.set()
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in between is no news."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Answers one browser."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        """Answer with what a path names."""
        path = unquote(urlsplit(self.path).path)
        if not self._is_meant():
            self._send(HTTPStatus.FORBIDDEN)
        elif path == "/":
            self._send(HTTPStatus.FOUND, headers={"Location": self.server.start})
        elif path.startswith("/data/"):
            self._send_data(*path.removeprefix("/data/").partition("/")[::2])
        elif path == f"/events/{TOKEN}":
            self._hold()
        else:
            name = path.removeprefix(f"/v/{TOKEN}/") or "index.html"
            found = self.server.client(name)
            if found is None:
                self._send(HTTPStatus.NOT_FOUND)
            else:
                self._send(HTTPStatus.OK, *found)

    def do_OPTIONS(self) -> None:
        """Tell the other Neuroglancer that it may ask."""
        allowed = {"Access-Control-Allow-Private-Network": "true"}
        self._send(HTTPStatus.NO_CONTENT, headers=allowed)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of every chunk."""

    def _is_meant(self) -> bool:
        """Whether the browser knows whom it asks: no other site may reach a server of this machine
        by giving its own name to this address."""
        if self.server.server_address[0] not in LOOPBACK:
            return True
        return urlsplit(f"//{self.headers.get('Host', '')}").hostname in LOOPBACK

    def _send_data(self, name: str, rest: str) -> None:
        """The description of a volume, or one of its chunks."""
        volume = self.server.volumes.get(name)
        if volume is None:
            self._send(HTTPStatus.NOT_FOUND)
        elif rest == "info":
            told = info(volume.volume.info, volume.sample.mips)
            self._send(HTTPStatus.OK, json.dumps(told).encode(), "application/json")
        else:
            try:
                voxels = chunk(volume.volume, rest)
            except (UserError, OSError) as error:
                print(f"{name}: {error}", file=sys.stderr)
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR)
                return
            if voxels is None:
                self._send(HTTPStatus.NOT_FOUND)
            else:
                self._send(HTTPStatus.OK, voxels, "application/octet-stream")

    def _hold(self) -> None:
        """Keep a stream of events open, in which nothing ever happens: the state is in the link."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.server.stopped.wait()

    def _send(
        self,
        status: HTTPStatus,
        body: bytes = b"",
        kind: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        if self.headers.get("Origin") == self.server.friend:
            self.send_header("Access-Control-Allow-Origin", self.server.friend)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
