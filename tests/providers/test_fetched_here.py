"""What the controller sends to servers, and to which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cookbook.providers.fetched_here import Download, fetched_here, notice_of
from tests.on_hosts.web_server import WebServer, serving


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving("127.0.0.1") as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[WebServer]:
    with serving("127.0.0.2") as server:
        yield server


SECRET = (("Authorization", "Bearer x"), ("X-Token", "y"))


def order(data: bytes, *addresses: str, proxy: str = "") -> Download:
    return Download(addresses, hashlib.sha256(data).hexdigest(), SECRET, proxy)


def test_another_server_gets_no_headers(web: WebServer, elsewhere: WebServer) -> None:
    elsewhere.files["/a"], web.files["/b"] = b"moved", b"here"
    web.redirects["/a"], web.redirects["/here"] = elsewhere.url("/a"), web.url("/b")
    wanted = order(b"moved", web.url("/a"))
    assert fetched_here(wanted)[wanted.checksum] == b"moved"
    [first], [second] = web.take(), elsewhere.take()
    assert (first.headers["authorization"], first.headers["x-token"]) == ("Bearer x", "y")
    assert not {"authorization", "x-token"} & second.headers.keys()
    wanted = order(b"here", web.url("/here"))
    assert fetched_here(wanted)[wanted.checksum] == b"here"
    assert [request.headers["x-token"] for request in web.take()] == ["y", "y"]


def test_what_failed_is_asked_for_again_and_what_came_is_not(web: WebServer) -> None:
    wanted = order(b"late", web.url("/late"))
    assert wanted.checksum not in fetched_here(wanted)
    web.files["/late"] = b"late"
    assert [fetched_here(wanted)[wanted.checksum] for _ in range(3)] == [b"late"] * 3
    assert [request.status for request in web.take()] == [404, 200]


def test_a_body_without_end_is_given_up(web: WebServer) -> None:
    web.files["/slow"] = bytes(5_000_000)
    wanted = replace(order(b"x", web.url("/slow")), seconds=-1)
    assert b"it takes too long" in fetched_here(wanted)[notice_of(wanted.checksum)]


def test_a_proxy_is_asked(web: WebServer) -> None:
    web.files["/a"] = b"by proxy"
    address = "http://nowhere.invalid/a"
    wanted = order(b"by proxy", address, proxy=f"http://me:pw@127.0.0.1:{web.port}")
    assert fetched_here(wanted)[wanted.checksum] == b"by proxy"
    [request] = web.take()
    assert request.target == address
    assert request.headers["proxy-authorization"] == "Basic bWU6cHc="


def test_the_reasons_of_all_mirrors_are_told(web: WebServer) -> None:
    web.files["/b"] = b"other"
    wanted = order(b"x", web.url("/a"), web.url("/b"), "http://127.0.0.1:1/")
    found = fetched_here(wanted)
    assert [*found] == [notice_of(wanted.checksum)]
    said = found[notice_of(wanted.checksum)].decode()
    assert "HTTP Error 404" in said
    assert f"not {wanted.checksum}" in said
    assert "Connection refused" in said
