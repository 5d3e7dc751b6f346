"""A web server in the test's own process: it has ETags and ranges, breaks off, and is a proxy."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class Request:
    """A request as it came, and the answer to it."""

    method: str
    target: str
    headers: dict[str, str]
    seen: list[str]
    """The processes of the machine with the word `WebServer.secret` in their arguments, or in their
    environment, while the request was answered."""
    status: int = 0
    sent: int = 0
    """Bytes of the body."""


@dataclass
class WebServer:
    """A running server."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    tells: tuple[str, ...] = ("ETag", "Last-Modified")
    breaks_off: int | None = None
    """Bytes of a body after which the connection is closed; the next one is sent whole."""
    ranges: bool = True
    needs: tuple[str, str] | None = None
    """A header without which a request is refused."""
    redirects: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    port: int = 0

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"http://{self.address}:{self.port}{path}"

    def take(self) -> list[Request]:
        """Return the requests since the last time."""
        taken, self.requests = self.requests, []
        return taken

    def etag(self, path: str) -> str:
        """Return the ETag of a file."""
        return f'"{hashlib.md5(self.files[path]).hexdigest()[:12]}"'  # noqa: S324 - no secret


@contextmanager
def serving(address: str) -> Iterator[WebServer]:
    """Serve on an address of this machine."""
    web = WebServer(address)

    class Handler(_Handler):
        server_of_it = web

    with ThreadingHTTPServer((address, 0), Handler) as server:
        web.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield web
        server.shutdown()


def _who_shows(secret: str) -> list[str]:
    """Return the processes that show a word to each user, or to their own."""
    found = []
    for what in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{what}"):
            try:
                if secret.encode() in path.read_bytes():
                    found.append(f"{path}: {(path.parent / 'comm').read_text()}")
            except OSError:
                continue
    return found


class _Handler(BaseHTTPRequestHandler):
    server_of_it: WebServer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Answer with the file, or the asked part of it."""
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        web = self.server_of_it
        seen = _who_shows(web.secret) if web.secret else []
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, seen)
        web.requests.append(request)
        path = urlsplit(self.path).path
        status, send = self._found(web, path, headers)
        request.status = status
        self.send_response(status)
        if path in web.redirects:
            self.send_header("Location", web.redirects[path])
        if path in web.files:
            if "ETag" in web.tells:
                self.send_header("ETag", web.etag(path))
            if "Last-Modified" in web.tells:
                self.send_header("Last-Modified", "Sat, 03 Feb 2001 04:05:06 GMT")
        whole = web.files.get(path, b"")
        if status == 206:
            first = len(whole) - len(send)
            self.send_header("Content-Range", f"bytes {first}-{len(whole) - 1}/{len(whole)}")
        if status != 304:
            self.send_header("Content-Length", str(len(send)))
        self.end_headers()
        if body:
            self._send(web, request, send)

    def _send(self, web: WebServer, request: Request, send: bytes) -> None:
        cut, web.breaks_off = (web.breaks_off, None) if send else (None, web.breaks_off)
        part = send if cut is None else send[:cut]
        request.sent = len(part)  # who has got it all looks at once
        self.wfile.write(part)
        self.close_connection = True

    def _found(self, web: WebServer, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if web.needs is not None and headers.get(web.needs[0].lower()) != web.needs[1]:
            return 401, b""
        if path in web.redirects:
            return 302, b""
        if path not in web.files:
            return 404, b""
        whole = web.files[path]
        if "ETag" in web.tells and headers.get("if-none-match") == web.etag(path):
            return 304, b""
        if (
            "If-None-Match" not in self.headers
            and "Last-Modified" in web.tells
            and headers.get("if-modified-since") == "Sat, 03 Feb 2001 04:05:06 GMT"
        ):
            return 304, b""
        asked = headers.get("range", "")
        if asked.startswith("bytes=") and web.ranges:
            same = headers.get("if-range") in (None, web.etag(path))
            first = int(asked.removeprefix("bytes=").partition("-")[0])
            if same:
                return (206, whole[first:]) if first < len(whole) else (416, b"")
        return 200, whole
