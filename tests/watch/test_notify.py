"""Notifications: what is told once, and by which way; the targets are real servers."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from cookbook.cli import main
from cookbook.errors import SecretError, UsageError
from cookbook.secrets.reference import SecretReference
from cookbook.secrets.secret import Secret
from cookbook.watch.log import result_lines
from cookbook.watch.news import Told, news_of
from cookbook.watch.notify import Notifier, NotifyListener, delivery, memory_of
from cookbook.watch.notify_settings import (
    CommandTarget,
    MailTarget,
    NotifyTarget,
    WebhookTarget,
)
from cookbook.watch.settings import WatchSettings, read_watch
from cookbook.watch.turn import TurnResult
from tests.clock import FakeClock
from tests.waiting import LONG, eventually
from tests.watch.conftest import document

pytestmark = pytest.mark.slow  # waits for messages to come, and not to come

DAY = 86_400.0
ALL = frozenset({"drift", "failed", "recovered", "locked", "changed"})
SILENT = NotifyTarget(CommandTarget(("true",)), "watch.yml:1", ALL)


def turn(told: Any = None, *, error: str = "", status: int = 0, group: str = "web") -> TurnResult:
    mode: Any = told["mode"] if told else "drift"
    return TurnResult(group, mode, 0.0, 1.0, status, told, error)


class Story:
    """Turns one after another, and what a target is told of each."""

    def __init__(self, target: NotifyTarget = SILENT) -> None:
        self.target = target
        self.told: Told = {}
        self.now = 0.0

    def hears(self, result: TurnResult, after: float = 60.0) -> list[str]:
        """Return the news of a turn, each as `host event`."""
        self.now += after
        news, self.told = news_of(result, self.target, self.told, self.now)
        if news is None:
            return []
        return [
            f"{item.host or '-'} {item.event}{'!' if item.is_reminder else ''}"
            for item in news.items
        ]


def test_a_state_is_told_once_and_its_end() -> None:
    story = Story()
    assert story.hears(turn(document(web1="ok", web2="ok"))) == []
    assert story.hears(turn(document(web1="ok", web2=["file[/a]"]))) == ["web2 drift"]
    assert story.hears(turn(document(web1="ok", web2=["file[/a]"]))) == []
    assert story.hears(turn(document(web1="failed", web2=["file[/a]"]))) == ["web1 failed"]
    assert story.hears(turn(document(web1="ok", web2=["file[/a]"]))) == ["web1 recovered"]
    assert story.hears(turn(document(web1="ok", web2="ok"))) == ["web2 recovered"]
    assert story.hears(turn(document(web1="ok", web2="ok"))) == []


def test_another_state_is_told() -> None:
    story = Story()
    assert story.hears(turn(document(web1=["file[/a]"]))) == ["web1 drift"]
    assert story.hears(turn(document(web1=["file[/a]", "file[/b]"]))) == ["web1 drift"]
    assert story.hears(turn(document(web1="unreachable"))) == ["web1 failed"]
    assert story.hears(turn(document(web1="unreachable"))) == []


def test_a_locked_host_has_not_failed_and_what_was_told_of_it_stays() -> None:
    story = Story()
    locked = turn(document("converge", web1="locked", web2="ok"))
    assert story.hears(locked) == ["web1 locked"]
    assert story.hears(locked) == []
    assert story.hears(locked, DAY) == ["web1 locked!"]
    assert story.hears(turn(document(web1="ok", web2="ok"))) == []
    assert story.hears(turn(document(web1="ok", web2=["file[/a]"]))) == ["web2 drift"]
    assert story.hears(turn(document(web1="ok", web2="locked"))) == ["web2 locked"]
    assert story.hears(turn(document(web1="ok", web2=["file[/a]"]))) == []
    assert story.hears(turn(document(web1="ok", web2="locked"))) == ["web2 locked"]
    assert story.hears(turn(document(web1="ok", web2="ok"))) == ["web2 recovered"]
    assert story.told == {}


def test_a_locked_host_is_told_with_what_comes_next() -> None:
    result = turn(document("converge", web1="locked"))
    news, told = news_of(result, SILENT, {}, 7.0)
    assert news is not None
    [item] = news.items
    assert item.state == "locked"
    assert item.reason.endswith("it was left alone, and the next turn tries again")
    counted, host = result_lines(result)
    assert "1 locked" in counted
    assert "failed" not in counted + host
    gone = turn(document("converge", web2="ok"))
    assert news_of(gone, SILENT, told, 8.0) == (None, {})


def test_a_state_that_stays_is_told_again_after_a_day() -> None:
    story = Story()
    drift = turn(document(web1=["file[/a]"]))
    assert story.hears(drift) == ["web1 drift"]
    assert story.hears(drift, DAY - 1) == []
    assert story.hears(drift, 1) == ["web1 drift!"]
    assert story.hears(drift, DAY - 1) == []
    assert story.hears(drift, 1) == ["web1 drift!"]
    assert story.hears(turn(document(web1="ok"))) == ["web1 recovered"]
    assert story.hears(drift) == ["web1 drift"]


def test_each_change_is_told() -> None:
    story = Story()
    changed = turn(document("converge", web1=["file[/a]"]))
    assert story.hears(changed) == ["web1 changed"]
    assert story.hears(changed) == ["web1 changed"]
    assert story.hears(turn(document(web1=["file[/a]"]))) == ["web1 drift"]
    assert story.hears(changed) == ["web1 recovered", "web1 changed"]


def test_a_turn_that_fails_as_a_whole() -> None:
    story = Story()
    broken = turn(error="cook: r.py:1: '(' was never closed\n  next: ...", status=1)
    assert story.hears(broken) == ["- failed"]
    assert story.hears(broken) == []
    assert story.hears(turn(error="interrupted", status=130)) == []
    assert story.hears(turn(document(web1=["file[/a]"]))) == ["- recovered", "web1 drift"]


def test_only_the_wanted_events_are_told() -> None:
    failed = turn(document(web1="failed", web2=["file[/a]"]))
    fine = turn(document(web1="ok", web2="ok"))
    only = Story(replace(SILENT, events=frozenset({"failed"})))
    assert (only.hears(failed), only.hears(fine)) == (["web1 failed"], [])
    recovered = Story(replace(SILENT, events=frozenset({"recovered"})))
    assert (recovered.hears(failed), recovered.hears(fine)) == (
        [],
        ["web1 recovered", "web2 recovered"],
    )


def test_an_interrupted_host_and_one_that_has_left_are_no_news() -> None:
    story = Story()
    story.hears(turn(document(web1=["file[/a]"], web2=["file[/a]"])))
    assert story.hears(turn(document(web1="interrupted", web2=["file[/a]"]))) == []
    assert story.hears(turn(document(web2=["file[/a]"]))) == []
    assert [*story.told] == ["web/web2"]
    assert story.hears(turn(document(web1=["file[/a]"]), group="db")) == ["web1 drift"]


def test_the_text_and_the_document() -> None:
    Secret("hunter2-hunter2")
    told = document(web1=["file[/a]"], web2="failed")
    told["hosts"]["web2"]["error"]["message"] = "hunter2-hunter2 \x1b[31m\nwas refused"
    news, _ = news_of(turn(told), SILENT, {}, 1000.0)
    assert news is not None

    assert news.subject == "cook: web: 1 drift, 1 failed"
    assert news.text.startswith("web: drift\nweb1: drift: file[/a]\nweb2: failed: connect: ***")
    assert "\x1b" not in news.text
    assert len(news.text.splitlines()) == 3
    assert news.document["news"][0] == {
        "event": "drift",
        "host": "web1",
        "state": "drift",
        "reason": "file[/a]",
        "since": 1000.0,
        "reminder": False,
    }
    assert "hunter2" not in json.dumps(news.document)


class _Web(HTTPServer):
    """A webhook that keeps what it gets, and answers as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _WebHandler)
        self.answers: list[int] = []
        self.open = threading.Event()
        self.open.set()
        self.got: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _WebHandler(BaseHTTPRequestHandler):
    server: _Web

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.server.open.wait(LONG)
        status = self.server.answers.pop(0) if self.server.answers else 204
        if status == 204:
            assert self.headers["Content-Type"] == "application/json"
            self.server.got.append(body)
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:9/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[_Web]:
    with _Web() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def notifier(target: NotifyTarget, folder: Path) -> tuple[Notifier, FakeClock, list[str]]:
    clock, said = FakeClock(), list[str]()
    made = Notifier(
        target,
        delivery(target),
        folder / "told.json",
        said.append,
        clock=clock.clock,
        wall=lambda: clock.time,
    )
    return made, clock, said


def test_a_webhook(web: _Web, tmp_path: Path) -> None:
    target = NotifyTarget(WebhookTarget(web.url), "watch.yml:3")
    tells, clock, said = notifier(target, tmp_path)
    drift = turn(document(web1=["file[/a]"]))
    web.answers = [503, 302]  # a redirect would lead it elsewhere, as a GET

    assert tells.tell(drift)
    assert tells.tell(drift)
    assert [one["news"][0]["host"] for one in web.got] == ["web1"]
    assert "cook: web: 1 drift" in web.got[0]["text"]
    assert 5 < clock.time < 10  # two pauses
    assert said == []

    again, _, _ = notifier(target, tmp_path)  # after a restart
    assert again.tell(drift)
    assert again.tell(turn(document(web1="ok")))
    assert [one["news"][0]["event"] for one in web.got] == ["drift", "recovered"]


def test_a_dead_webhook_is_told_at_the_next_turn(web: _Web, tmp_path: Path) -> None:
    tells, clock, said = notifier(NotifyTarget(WebhookTarget(web.url), "watch.yml:3"), tmp_path)
    drift = turn(document(web1=["file[/a]"]))
    web.answers = [500] * 50

    assert not tells.tell(drift)
    assert 60 < clock.time <= 600
    [line] = said
    assert line == (
        "webhook (watch.yml:3): not told, the next turn tries again:"
        " it answered 500 Internal Server Error"
    )
    web.answers = []
    assert tells.tell(drift)
    assert len(web.got) == 1


def test_a_webhook_that_is_not_there(tmp_path: Path) -> None:
    target = NotifyTarget(WebhookTarget("http://127.0.0.1:9/s3cr3t-path"), "watch.yml:3")
    tells, _, said = notifier(target, tmp_path)

    assert not tells.tell(turn(document(web1=["file[/a]"])))
    assert "it does not answer: [Errno 111] Connection refused" in said[0]
    assert "s3cr3t" not in said[0]


def test_a_stop_ends_the_tries(web: _Web, tmp_path: Path) -> None:
    tells, clock, _ = notifier(NotifyTarget(WebhookTarget(web.url), "x"), tmp_path)
    web.answers = [500] * 50
    tells.stopping.set()

    assert not tells.tell(turn(document(web1=["file[/a]"])))
    assert clock.time == 0


class _Mails:
    """A mail server that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], Any]] = []
        self.refuses = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuses:
            self.refuses -= 1
            return "451 try again later"
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.got.append((envelope.rcpt_tos, message))
        return "250 OK"


class _MailServer(Controller):
    """A server on a port that no other program can take before it."""

    def __init__(self, mails: _Mails, **options: Any) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        port = self._socket.getsockname()[1]
        super().__init__(mails, hostname="127.0.0.1", port=port, ready_timeout=LONG, **options)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._socket)


def test_a_mail(tmp_path: Path) -> None:
    mails = _Mails()
    server = _MailServer(mails)
    server.start()
    try:
        way = MailTarget(
            ("ops@example.org", "bob@example.org"),
            "cook@example.org",
            "127.0.0.1",
            server.port,
            "none",
        )
        tells, clock, said = notifier(NotifyTarget(way, "watch.yml:3"), tmp_path)
        mails.refuses = 1
        assert tells.tell(turn(document(web1=["file[/a]"], web2="failed")))
    finally:
        server.stop()

    assert said == []
    assert 1 < clock.time < 3  # one pause
    [(to, message)] = mails.got
    assert to == ["ops@example.org", "bob@example.org"]
    assert message["Subject"] == "cook: web: 1 drift, 1 failed"
    assert message["From"] == "cook@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "web1: drift: file[/a]" in message.get_content().splitlines()


def test_a_mail_with_login_needs_a_certificate_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = _certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    logins: list[tuple[bytes, bytes]] = []

    def authenticate(*words: Any) -> AuthResult:
        given: LoginPassword = words[-1]
        logins.append((given.login, given.password))
        return AuthResult(success=given.password == b"hunter2-hunter2")

    mails = _Mails()
    server = _MailServer(
        mails,
        tls_context=context,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    server.start()
    monkeypatch.setenv("COOK_SECRET_SMTP", "hunter2-hunter2")
    way = MailTarget(
        ("ops@example.org",),
        "cook@example.org",
        "127.0.0.1",
        server.port,
        "starttls",
        "cook",
        SecretReference("smtp", "watch.yml:4"),
    )
    try:
        tells, _, said = notifier(NotifyTarget(way, "watch.yml:3"), tmp_path)
        assert not tells.tell(turn(document(web1=["file[/a]"])))
        assert "CERTIFICATE_VERIFY_FAILED" in said[0]
        assert logins == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        trusting, _, said = notifier(NotifyTarget(way, "watch.yml:3"), tmp_path)
        assert trusting.tell(turn(document(web1=["file[/a]"]))), said
    finally:
        server.stop()
    assert logins == [(b"cook", b"hunter2-hunter2")]
    assert len(mails.got) == 1


def _certificate(folder: Path) -> tuple[Path, Path]:
    import subprocess

    certificate, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    words += ["-nodes", "-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1"]
    words += ["-days", "30", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key


def test_a_command(tmp_path: Path) -> None:
    way = CommandTarget(("sh", "-c", f"cat >>{tmp_path}/got"))
    tells, _, said = notifier(NotifyTarget(way, "watch.yml:3"), tmp_path)
    assert tells.tell(turn(document(web1=["file[/a]"])))
    assert json.loads((tmp_path / "got").read_text())["news"][0]["host"] == "web1"
    assert said == []

    failing = CommandTarget(("sh", "-c", "echo no such channel >&2; exit 7"))
    tells, _, said = notifier(NotifyTarget(failing, "watch.yml:3"), tmp_path / "other")
    assert not tells.tell(turn(document(web1=["file[/a]"])))
    assert said[0].endswith("sh ended with status 7: no such channel")

    missing = CommandTarget(("/no/such/program",))
    tells, _, said = notifier(NotifyTarget(missing, "watch.yml:3"), tmp_path / "other")
    assert not tells.tell(turn(document(web1=["file[/a]"])))
    assert "No such file or directory" in said[0]


FULL = """\
groups: {web: {every: 1m}}
notify:
  - webhook: https://example.org/hook
    events: [drift, failed, recovered, locked, changed]
    remind: 12h
  - webhook: !secret hooks/ops
  - mail: {to: ops@example.org, from: cook@example.org, smtp: "mail.example.org:2525", tls: none}
  - mail: {to: [a@b.c, d@e.f], from: x@y.z, smtp: mail, user: cook, password: !secret smtp}
  - command: [/usr/bin/tell, ops]
    events: failed
"""


def test_the_targets_are_read(tmp_path: Path) -> None:
    (tmp_path / "watch.yml").write_text(FULL)
    hook, sealed, mail, login, command = read_watch(tmp_path / "watch.yml").notify

    assert hook.way == WebhookTarget("https://example.org/hook")
    assert (hook.events, hook.remind) == (ALL, 43_200)
    assert sealed.events == {"drift", "failed", "recovered", "locked"}
    assert isinstance(sealed.way, WebhookTarget)
    assert isinstance(sealed.way.url, SecretReference)
    assert mail.way == MailTarget(
        ("ops@example.org",), "cook@example.org", "mail.example.org", 2525, "none"
    )
    assert isinstance(login.way, MailTarget)
    assert (login.way.port, login.way.tls) == (587, "starttls")
    assert command.way == CommandTarget(("/usr/bin/tell", "ops"))
    assert command.events == {"failed"}
    assert command.name == f"command ({tmp_path}/watch.yml:9)"


REFUSED = [
    ("[{}]", "one of webhook, mail and command is expected"),
    ("[{webhook: 'http://x', command: [x]}]", "one of webhook, mail and command is expected"),
    ("[{webhok: 'http://x'}]", "there is no 'webhok' here"),
    ("[{webhook: ftp://x}]", "a webhook is an address that begins with https://"),
    ("[{webhook: 'file:///etc/passwd'}]", "a webhook is an address that begins with https://"),
    ("[{webhook: 'http://x', events: [drfit]}]", "there is no event 'drfit'"),
    ("[{webhook: 'http://x', on: [drift]}]", "on is read as a yes or no, not as text"),
    ("[{webhook: 'http://x', remind: often}]", "'often' is no span of time"),
    ("[{mail: {to: a@b, from: a@b}}]", "mail has no `smtp`"),
    ('[{mail: {to: "a@b\\nBcc: c@d", from: a@b, smtp: x}}]', "is no address of mail"),
    ("[{mail: {to: a@b, from: a@b, smtp: x, tls: ssl}}]", "tls must be none, starttls or tls"),
    ("[{mail: {to: a@b, from: a@b, smtp: x, password: hunter2}}]", "a password is not written"),
    ("[{command: /usr/bin/tell ops}]", "command must be a list of words"),
    ("[{webhook: 'http://[x'}]", "a webhook is an address that begins with https://"),
    ("[{webhook: 'http://x:99999/'}]", "a webhook is an address that begins with https://"),
    ("[{webhook: 'http://x:\u0668\u0660/'}]", "a webhook is an address that begins with https://"),
    ("[{mail: {to: a@b, from: a@b, smtp: 'x:99999'}}]", "'x:99999' is no server"),
    ("[{mail: {to: a@b, from: a@b, smtp: 'x:0'}}]", "'x:0' is no server"),
    ("[{mail: {to: a@b, from: a@b, smtp: 'x:\u00b2'}}]", "is no server"),
    ("[{mail: {to: a@b, from: a@b, smtp: ':25'}}]", "is no server"),
    (
        "[{mail: {to: a@b, from: a@b, smtp: x, password: !secret p}}]",
        "mail has a password and no `user`",
    ),
    ("[{mail: {to: a@b, from: a@b, smtp: x, user: u}}]", "mail has a user and no `password`"),
    (
        "[{mail: {to: a@b, from: a@b, smtp: x, user: u, password: !secret p, tls: none}}]",
        "a password is not sent without TLS",
    ),
]


@pytest.mark.parametrize(("said", "error"), REFUSED)
def test_wrong_targets_are_refused(said: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "watch.yml").write_text(f"groups: {{web: {{every: 1m}}}}\nnotify: {said}\n")

    with pytest.raises(UsageError, match=r"watch.yml:2: ") as caught:
        read_watch(tmp_path / "watch.yml")
    assert error in str(caught.value)


def test_secrets_are_looked_up_before_the_first_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    way = WebhookTarget(SecretReference("hooks/ops", "watch.yml:3", Path("/")))
    with pytest.raises(SecretError, match="there is no secret 'hooks/ops'"):
        delivery(NotifyTarget(way, "watch.yml:3"))

    monkeypatch.setenv("COOK_SECRET_HOOKS_OPS", "file:///etc/passwd")
    with pytest.raises(UsageError, match="the secret is no address of a webhook"):
        delivery(NotifyTarget(way, "watch.yml:3"))


def test_the_listener_tells_meanwhile_and_at_the_end(web: _Web, tmp_path: Path) -> None:
    path = tmp_path / "watch.yml"
    path.write_text(f"groups: {{web: {{every: 1m}}}}\nnotify: [{{webhook: '{web.url}'}}]\n")
    said: list[str] = []
    listener = NotifyListener(read_watch(path), said.append)
    with listener.working():
        web.open.clear()  # whoever waited for an answer would wait for good
        for number in range(3):
            listener.ended(turn(document(web1=[f"file[/{number}]"])))
        listener.reloaded(read_watch(path))
        listener.ended(turn(document(web2=["file[/a]"])))
        assert web.got == []
        web.open.set()
    eventually(lambda: len(web.got) == 4)

    assert sorted(one["news"][0]["reason"] for one in web.got)[:3] == [
        *("file[/0]", "file[/1]", "file[/2]")
    ]
    assert said == []
    [target] = read_watch(path).notify
    assert memory_of(path, target).stat().st_mode & 0o777 == 0o600
    assert web.url not in memory_of(path, target).name


def test_a_reload_while_a_message_is_on_its_way_sends_it_once(tmp_path: Path) -> None:
    path = tmp_path / "watch.yml"
    words = ["sh", "-c", f"sleep 0.5; cat >>{tmp_path}/got; echo >>{tmp_path}/got"]

    def settings(events: str) -> WatchSettings:
        notify = f"[{{command: {json.dumps(words)}, events: {events}}}]"
        path.write_text(f"groups: {{web: {{every: 1m}}}}\nnotify: {notify}\n")
        return read_watch(path)

    said: list[str] = []
    listener = NotifyListener(settings("[drift, failed]"), said.append)
    with listener.working():
        listener.ended(turn(document(web1=["file[/a]"])))
        listener.reloaded(settings("[drift, failed, recovered]"))
        listener.ended(turn(document(web1=["file[/a]"])))
        listener.ended(turn(document(web1="ok")))

    told = [json.loads(line) for line in (tmp_path / "got").read_text().splitlines()]
    assert [one["news"][0]["event"] for one in told] == ["drift", "recovered"]
    assert said == []


def test_two_entries_for_one_address_remember_apart(tmp_path: Path) -> None:
    path = tmp_path / "watch.yml"
    # Both are told at the same time: each line is written at once.
    entry = f'command: [sh, -c, \'x=$(cat); printf "%s\\n" "$x" >>{tmp_path}/got\']'
    path.write_text(
        "groups: {web: {every: 1m}}\nnotify:\n"
        f"  - {{{entry}, events: drift}}\n  - {{{entry}, events: failed}}\n"
    )
    for _ in range(2):
        listener = NotifyListener(read_watch(path), print)
        with listener.working():
            listener.ended(turn(document(web1=["file[/a]"], web2="failed")))

    told = [json.loads(line) for line in (tmp_path / "got").read_text().splitlines()]
    assert sorted(one["news"][0]["event"] for one in told) == ["drift", "failed"]


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"web/web1": {"event": "drift"}}', '{"web/web1": {"since": "x"}}']
)
def test_a_broken_memory_is_said(broken: str, tmp_path: Path) -> None:
    target = NotifyTarget(CommandTarget(("true",)), "watch.yml:3")
    tells, _, _ = notifier(target, tmp_path)
    assert tells.tell(turn(document(web1=["file[/a]"])))
    [memory] = tmp_path.glob("*.json")
    kept = memory.read_text()
    assert kept.startswith('{"web/web1"')
    memory.write_text(broken)

    again, _, said = notifier(target, tmp_path)
    assert f"what was told is not known, so it is told again: {memory}: " in said[0]
    assert again.tell(turn(document(web1=["file[/a]"])))
    assert memory.read_text().startswith('{"web/web1"')


def test_a_command_that_prints_without_an_end_is_ended(tmp_path: Path) -> None:
    endless = NotifyTarget(CommandTarget(("yes", "x")), "watch.yml:3")
    tells, _, said = notifier(endless, tmp_path)

    assert not tells.tell(turn(document(web1=["file[/a]"])))
    assert said[0].endswith("yes printed more than 1 MiB")


def test_a_watch_tells(
    web: _Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COOK_SECRET_HOOK", web.url)
    Path("r.py").write_text(
        f"from cookbook.resources import file\nfile('{tmp_path}/x', content='x', mode='0644')\n"
    )
    Path("hosts.yml").write_text("hosts: {web1: {transport: local}}")
    Path("watch.yml").write_text(
        "groups: {web1: {every: 10s, recipes: r.py}}\nnotify: [{webhook: !secret hook}]\n"
    )
    for _ in range(2):
        assert main(["watch", "--once"]) == 2
    (tmp_path / "x").write_text("x")
    (tmp_path / "x").chmod(0o644)
    assert main(["watch", "--once"]) == 0

    told = [(one["news"][0]["event"], one["news"][0]["host"]) for one in web.got]
    assert told == [("drift", "web1"), ("recovered", "web1")]
    said = capfd.readouterr()
    assert web.url not in said.out + said.err


def test_a_target_that_is_taken_out_and_back_is_told_by_one_thread_at_a_time(
    tmp_path: Path,
) -> None:
    """The former thread may still deliver; both have the file with what was told."""
    path = tmp_path / "watch.yml"
    busy, got = tmp_path / "busy", tmp_path / "got"
    words = ["sh", "-c", f"mkdir {busy} || echo two >>{got}; sleep 0.7; rmdir {busy}; cat >>{got}"]
    groups = "groups: {web: {every: 1m}}\n"

    def settings(*, there: bool) -> WatchSettings:
        path.write_text(groups + (f"notify: [{{command: {json.dumps(words)}}}]\n" if there else ""))
        return read_watch(path)

    listener = NotifyListener(settings(there=True), lambda _: None)
    with listener.working():
        listener.ended(turn(document(web1=["file[/a]"])))
        time.sleep(0.2)  # it is on its way
        listener.reloaded(settings(there=False))
        listener.reloaded(settings(there=True))
        listener.ended(turn(document(web1=["file[/a]"])))

    assert "two" not in got.read_text()
    assert got.read_text().count('"event": "drift"') == 1
