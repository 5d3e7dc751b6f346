"""Notifications of `cook watch`: by webhook, mail or command, each by a thread of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from cookbook.errors import SecretError, UsageError
from cookbook.retry import CLOCK, Clock, Retry, growing
from cookbook.secrets.reference import SecretReference
from cookbook.secrets.stores.lookup import STORES
from cookbook.text.bounded_io import content_of, parsed_object
from cookbook.text.redaction import protect
from cookbook.text.user_dirs import private_folder, state_folder, write_private
from cookbook.watch.loop import WatchListener
from cookbook.watch.news import News, Told, news_of
from cookbook.watch.notify_settings import (
    CommandTarget,
    MailTarget,
    NotifyTarget,
    Sealed,
    WebhookTarget,
    check_url,
)
from cookbook.watch.settings import WatchSettings
from cookbook.watch.turn import TurnResult

_TIMEOUT = 20.0
"""Seconds that one try may take."""

_TRY_FOR = 600.0
"""Seconds after which a message is given up; the next turn tells the state again."""

_MOST_WAITING = 1_000
"""Turns that wait for a target that does not answer."""

_LEAVE = 15.0
"""Seconds that the end waits for messages on their way."""

Deliver = Callable[[News], None]
"""Delivers a message. Raises OSError, or ValueError."""


def delivery(target: NotifyTarget) -> Deliver:
    """
    Return the function that delivers messages to a target; its secrets are looked up now.

    Raises SecretError, and UsageError for a secret that is no address.
    """
    match target.way:
        case WebhookTarget(url):
            address = _revealed(url)
            if not check_url(address):
                raise UsageError(f"{target.at}: the secret is no address of a webhook")
            return lambda news: _post(address, news)
        case MailTarget() as mail:
            password = None if mail.password is None else _revealed(mail.password)
            return lambda news: _mail(mail, password, news)
        case CommandTarget(words):
            return lambda news: _run(words, news)


def _revealed(text: Sealed) -> str:
    if isinstance(text, SecretReference):
        return STORES.reveal(text, Path.cwd())
    return text


def _post(url: str, news: News) -> None:
    import urllib.error
    import urllib.request

    class Refusing(urllib.request.HTTPRedirectHandler):
        """A redirect would make a GET of it, and lead the message elsewhere."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    request = urllib.request.Request(  # noqa: S310 - https or http, see check_url
        url,
        data=json.dumps(news.document).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "cook-watch"},
        method="POST",
    )
    try:
        with urllib.request.build_opener(Refusing).open(request, timeout=_TIMEOUT):
            pass
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"it answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise OSError(f"it does not answer: {error.reason}") from None


def _mail(mail: MailTarget, password: str | None, news: News) -> None:
    import smtplib
    import ssl

    message = EmailMessage()
    message["Subject"] = protect(news.subject)
    message["From"], message["To"] = mail.sender, ", ".join(mail.to)
    message["Date"], message["Message-ID"] = formatdate(news.time), make_msgid("cook")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(protect(news.text))
    context = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(mail.server, mail.port, timeout=_TIMEOUT, context=context)
            if mail.tls == "tls"
            else smtplib.SMTP(mail.server, mail.port, timeout=_TIMEOUT)
        ) as server:
            if mail.tls == "starttls":
                server.starttls(context=context)
            if mail.user is not None:
                server.login(mail.user, str.__str__(password or ""))
            server.send_message(message)
    except smtplib.SMTPException as error:
        raise OSError(f"the server refused it: {error}") from None


def _run(words: Sequence[str], news: News) -> None:
    try:
        done = subprocess.run(
            words,
            input=json.dumps(news.document),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{words[0]} did not end within {_TIMEOUT:g} s") from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise OSError(f"{words[0]} ended with status {done.returncode}: {last[0]}")


@dataclass
class _Told:
    """The states that one target was told, in a file: a restart tells nothing twice."""

    path: Path
    states: Told = field(default_factory=dict)

    def __post_init__(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            found = parsed_object(content_of(self.path))
            keys = {"event", "what", "since", "told"}
            self.states = {
                key: entry
                for key, entry in found.items()
                if isinstance(entry, dict) and entry.keys() == keys
            }

    def keep(self, states: Told) -> None:
        """Remember what was told. Raises OSError."""
        if states != self.states:
            self.states = states
            private_folder(self.path.parent)
            temporary = self.path.with_suffix(".new")
            write_private(temporary, json.dumps(states))
            temporary.replace(self.path)


class Notifier:
    """Tells one target about turns, one after another."""

    def __init__(
        self,
        target: NotifyTarget,
        deliver: Deliver,
        memory: Path,
        say: Callable[[str], object],
        *,
        clock: Clock = CLOCK,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`memory` is the file with what it was told."""
        self.target = target
        self._deliver, self._say, self._clock, self._wall = deliver, say, clock, wall
        self._told = _Told(memory)
        self.stopping = threading.Event()

    def tell(self, result: TurnResult) -> bool:
        """Tell what is new; return False if the target could not be reached."""
        news, told = news_of(result, self.target, self._told.states, self._wall())
        if news is not None and not self._sent(news):
            return False
        try:
            self._told.keep(told)
        except OSError as error:
            self._say(f"{self.target.name}: what was told cannot be kept: {error.strerror}")
        return True

    def _sent(self, news: News) -> bool:
        tries = Retry(
            growing(2.0, 3.0, longest=120.0, spread=0.3),
            within=_TRY_FOR,
            hurried=False,
            stopping=self.stopping.is_set,
            clock=self._clock,
        )
        while True:
            try:
                self._deliver(news)
            except (OSError, ValueError) as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - a target must not stop the watch
                reason = f"{type(error).__name__}: {error}"
            else:
                return True
            if not tries.again():
                self._say(f"{self.target.name}: not told, the next turn tries again: {reason}")
                return False


class _Worker:
    """A notifier in a thread of its own."""

    def __init__(self, notifier: Notifier, say: Callable[[str], object]) -> None:
        self._notifier, self._say = notifier, say
        self._waiting: queue.Queue[TurnResult | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def put(self, result: TurnResult) -> None:
        try:
            self._waiting.put_nowait(result)
        except queue.Full:
            self._say(f"{self._notifier.target.name}: too many turns wait; this one is not told")

    def end(self, seconds: float) -> None:
        """Deliver what waits, for so long; then give up."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(seconds)
        self._notifier.stopping.set()
        self._thread.join(1.0)

    def _work(self) -> None:
        while (result := self._waiting.get()) is not None:
            self._notifier.tell(result)


class NotifyListener(WatchListener):
    """Has all targets told about turns."""

    def __init__(self, settings: WatchSettings, say: Callable[[str], object]) -> None:
        """Begin a thread for each target. Raises SecretError, UsageError for a wrong one."""
        self._say = say
        self._workers = self._begin(settings)

    def _begin(self, settings: WatchSettings) -> list[_Worker]:
        ready = [(target, delivery(target)) for target in settings.notify]
        memories = [memory_of(settings.path, target) for target, _ in ready]
        return [
            _Worker(Notifier(target, deliver, memory, self._say), self._say)
            for (target, deliver), memory in zip(ready, memories, strict=True)
        ]

    def ended(self, result: TurnResult) -> None:
        """Give a turn to all targets; they are told later."""
        for worker in self._workers:
            worker.put(result)

    def reloaded(self, settings: WatchSettings) -> None:
        """Take the targets of the new settings; keep the former ones if these are wrong."""
        try:
            workers = self._begin(settings)
        except (SecretError, UsageError) as error:
            self._say(f"notify: not reloaded, the former targets stay: {error}")
            return
        former, self._workers = self._workers, workers
        for worker in former:
            threading.Thread(target=worker.end, args=(_LEAVE,), daemon=True).start()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """At the end, wait a little for messages on their way."""
        try:
            yield
        finally:
            for worker in self._workers:
                worker.end(_LEAVE)


def memory_of(settings: Path, target: NotifyTarget) -> Path:
    """Return the file with what a target was told; it tells nothing of the target."""
    key = f"{settings.absolute()}\0{target.way!r}"
    return state_folder() / "watch" / f"told-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
