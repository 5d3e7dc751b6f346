"""
The mechanism of content that the controller fetches for hosts that cannot.

It is fetched when it is sent, once for all hosts of a run. A failure is no exception there, where
it would be one of the whole batch: it is the text of a notice, with which the command of the one
resource fails.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from cookbook.provider import Command, Content, sh

if TYPE_CHECKING:
    import urllib.request
    from urllib.request import OpenerDirector

    from _typeshed import SupportsRead

MOST = 1024 * 1024 * 1024
"""The maximum size in bytes: the content is in memory while it is sent."""

_SILENCE = 30.0
"""Seconds that a server may be silent."""

_KEPT = 256 * 1024 * 1024
"""Bytes of contents that are kept for the next host; the last one is kept in any case."""

_PIECE = 1024 * 1024

_kept: dict[str, bytes] = {}
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Download:
    """The addresses of one content, and how they are asked."""

    addresses: tuple[str, ...]
    checksum: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = field(default=None, repr=False)
    """None: what the environment of the controller says; "" for none."""
    seconds: float = 1800.0
    """The time that each address has."""


def notice_of(checksum: str) -> Content:
    """Return the name of the notice about a content; no content has it for a digest."""
    return Content.of(f"notice {checksum}".encode())


def with_notice(checksum: str, command: Command) -> Command:
    """Return the command, which fails with the notice if the content could not be fetched."""
    checked = sh(
        'e=$(content {}) || exit; [ -z "$e" ] || { printf "%s\\n" "$e" >&2; exit 1; }; (\n{}\n)',
        notice_of(checksum),
        command,
    )
    return replace(checked, shown=command.shown, called=command.called)


def fetched_here(download: Download) -> Mapping[str, bytes]:
    """Return the content by its digest, and the notice, which is empty if it was fetched."""
    with _locks[download.checksum]:
        data, why = _kept.get(download.checksum), ""
        if data is None:
            data, why = _fetch(download)
        if data is not None:
            _keep(download.checksum, data)
    notice = {str(notice_of(download.checksum)): why.encode()}
    return {download.checksum: data, **notice} if data is not None else notice


def _keep(checksum: str, data: bytes) -> None:
    """Keep a content, and as many of the others as there is room for, the latest ones."""
    _kept.pop(checksum, None)
    _kept[checksum] = data
    for oldest in [*_kept][:-1]:
        if sum(map(len, [*_kept.values()])) > _KEPT:
            _kept.pop(oldest, None)


def _fetch(download: Download) -> tuple[bytes | None, str]:
    """Return the content of the first address that has it, or the reasons of all."""
    import hashlib  # only where something is fetched
    import http.client

    reasons = []
    opener = _opener(download)
    for address in download.addresses:
        try:
            with opener.open(address, timeout=_SILENCE) as answer:
                data = _read(answer, time.monotonic() + download.seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reasons.append(f"the controller cannot fetch {address}: {error}")
            continue
        digest = hashlib.sha256(data).hexdigest()
        if len(data) > MOST:
            reasons.append(f"the content of {address} has more than {MOST} bytes")
        elif digest == download.checksum:
            return data, ""
        else:
            what = f"has the checksum {digest}, not {download.checksum}"
            reasons.append(f"the content of {address} {what}")
    return None, "; ".join(reasons)


def _read(answer: SupportsRead[bytes], end: float) -> bytes:
    """Return a body up to its maximum size. Raises OSError for one that takes too long."""
    pieces, size = [], 0
    while size <= MOST and (piece := answer.read(_PIECE)):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > end:
            raise OSError("it takes too long")
    return b"".join(pieces)


def _opener(download: Download) -> OpenerDirector:
    """Return what sends the requests of an download: to another server without its headers."""
    import urllib.request
    from urllib.parse import urlsplit

    class Redirections(urllib.request.HTTPRedirectHandler):
        def redirect_request(  # noqa: PLR0917 - so it is called
            self, req: urllib.request.Request, fp: object, code: int, msg: str, headers: object,
            newurl: str,
        ) -> urllib.request.Request | None:  # fmt: skip
            before, after = urlsplit(req.full_url), urlsplit(newurl)
            if (before.scheme, after.scheme) == ("https", "http"):
                raise OSError(f"it redirects from https to {newurl}")
            # The stubs want a stream and a message; they are handed on as they came.
            new = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
            if new is not None and before.netloc != after.netloc:
                new.headers = {}
            return new

    handlers: list[urllib.request.BaseHandler] = [Redirections()]
    if download.proxy is not None:
        pair = {"http": download.proxy, "https": download.proxy} if download.proxy else {}
        handlers.append(urllib.request.ProxyHandler(pair))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = []

    class WithHeaders(urllib.request.BaseHandler):
        handler_order = 100

        def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
            if request.full_url in download.addresses:
                for name, value in download.headers:
                    request.add_header(name, value)
            return request

        https_request = http_request

    opener.add_handler(WithHeaders())
    return opener
