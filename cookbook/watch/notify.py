"""Notifications of `cook watch`: by webhook, mail or command, each by a thread of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from cookbook.errors import SecretError, UsageError, ended
from cookbook.retry import CLOCK, Clock, Retry, growing
from cookbook.secrets.reference import SecretReference
from cookbook.secrets.stores.lookup import STORES
from cookbook.text.bounded_io import content_of, parsed_json
from cookbook.text.bounded_program import ProgramStopped, run_bounded
from cookbook.text.json_shape import shaped
from cookbook.text.redaction import protect
from cookbook.text.user_dirs import private_folder, replace_private, state_folder
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

_MOST_WAITING = 20
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
        done = run_bounded(words, seconds=_TIMEOUT, given=json.dumps(news.document).encode())
    except ProgramStopped as stopped:
        raise OSError(f"{words[0]} {stopped}") from None
    if done.status != 0:
        last = (done.error_text or done.text).splitlines()[-1:] or ["it said nothing"]
        raise OSError(f"{words[0]} {ended(done.status)}: {last[0]}")


class _Told:
    """The states that one target was told, in a file: a restart tells nothing twice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.states: Told = {}

    def read(self) -> None:
        """Take the states of the file, if there is one. Raises OSError, ValueError."""
        with contextlib.suppress(FileNotFoundError):
            self.states = shaped(Told, parsed_json(content_of(self.path)))

    def keep(self, states: Told) -> None:
        """Remember what was told. Raises OSError."""
        if states != self.states:
            self.states = states
            private_folder(self.path.parent)
            replace_private(self.path, json.dumps(states))


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
        self._way = target, deliver
        self._say, self._clock, self._wall = say, clock, wall
        self._told = _Told(memory)
        self.stopping = threading.Event()
        self.read()

    def read(self) -> None:
        """Read what the target was told, which another notifier may have written before."""
        memory, target = self._told.path, self.target
        try:
            self._told.read()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            said = f"what was told is not known, so it is told again: {memory}: {why}"
            self._say(f"{target.name}: {said}")

    @property
    def target(self) -> NotifyTarget:
        """The target, as it was last read."""
        return self._way[0]

    def renew(self, target: NotifyTarget, deliver: Deliver) -> None:
        """Take other events or another secret of the same target, from the next turn on."""
        self._way = target, deliver

    def tell(self, result: TurnResult) -> bool:
        """Tell what is new; return False if the target could not be reached."""
        target, deliver = self._way
        news, told = news_of(result, target, self._told.states, self._wall())
        if news is not None and not self._sent(news, target, deliver):
            return False
        try:
            self._told.keep(told)
        except OSError as error:
            self._say(f"{target.name}: what was told cannot be kept: {error.strerror}")
        return True

    def _sent(self, news: News, target: NotifyTarget, deliver: Deliver) -> bool:
        tries = Retry(
            growing(2.0, 3.0, longest=120.0, spread=0.3),
            within=_TRY_FOR,
            hurried=False,
            stopping=self.stopping.is_set,
            clock=self._clock,
        )
        while True:
            try:
                deliver(news)
            except (OSError, ValueError) as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - a target must not stop the watch
                reason = f"{type(error).__name__}: {error}"
            else:
                return True
            if not tries.again():
                self._say(f"{target.name}: not told, the next turn tries again: {reason}")
                return False


class _Worker:
    """A notifier in a thread of its own."""

    def __init__(
        self,
        notifier: Notifier,
        say: Callable[[str], object],
        former: _Worker | None = None,
    ) -> None:
        """Begin after the `former` one of the same target has ended: they have the same file."""
        self.notifier, self._say, self._former = notifier, say, former
        self._waiting: queue.Queue[TurnResult | None] = queue.Queue(_MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def put(self, result: TurnResult) -> None:
        try:
            self._waiting.put_nowait(result)
        except queue.Full:
            self._say(f"{self.notifier.target.name}: too many turns wait; this one is not told")

    def end(self, seconds: float) -> None:
        """Deliver what waits, for so long; then give up."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(seconds)
        self.notifier.stopping.set()
        with contextlib.suppress(queue.Full):  # it may have been full before
            self._waiting.put_nowait(None)
        self._thread.join(1.0)

    @property
    def is_alive(self) -> bool:
        """Return True until its thread has ended."""
        return self._thread.is_alive()

    def _work(self) -> None:
        stopping = self.notifier.stopping
        if self._former is not None:
            self._former._thread.join()  # noqa: SLF001 - the same class
            self._former = None
            self.notifier.read()
        while (result := self._waiting.get()) is not None and not stopping.is_set():
            self.notifier.tell(result)


class NotifyListener(WatchListener):
    """Has all targets told about turns."""

    def __init__(self, settings: WatchSettings, say: Callable[[str], object]) -> None:
        """Begin a thread for each target. Raises SecretError, UsageError for a wrong one."""
        self._say = say
        self._workers: dict[Path, _Worker] = {}
        self._leaving: dict[Path, _Worker] = {}
        """Those whose target was taken out, and that may still deliver what waits."""
        self._workers = self._begin(settings)

    def _begin(self, settings: WatchSettings) -> dict[Path, _Worker]:
        """
        Return a worker for each target, by the file with what it was told.

        The one at work goes on, so that no two have the same file, and no message is sent twice.
        """
        ready = [(target, delivery(target)) for target in settings.notify]
        equal = Counter[Path]()
        workers: dict[Path, _Worker] = {}
        for target, deliver in ready:
            first = memory_of(settings.path, target)
            memory = memory_of(settings.path, target, equal[first])
            equal[first] += 1
            if (worker := self._workers.get(memory)) is not None:
                worker.notifier.renew(target, deliver)
            else:
                notifier = Notifier(target, deliver, memory, self._say)
                worker = _Worker(notifier, self._say, self._leaving.get(memory))
            workers[memory] = worker
        return workers

    def ended(self, result: TurnResult) -> None:
        """Give a turn to all targets; they are told later."""
        for worker in self._workers.values():
            worker.put(result)

    def reloaded(self, settings: WatchSettings) -> None:
        """Take the targets of the new settings; keep the former ones if these are wrong."""
        try:
            workers = self._begin(settings)
        except (SecretError, UsageError) as error:
            self._say(f"notify: not reloaded, the former targets stay: {error}")
            return
        gone = {path: worker for path, worker in self._workers.items() if path not in workers}
        before = self._leaving.items()
        self._leaving = {path: one for path, one in before if one.is_alive} | gone
        self._workers = workers
        for worker in gone.values():
            threading.Thread(target=worker.end, args=(_LEAVE,), daemon=True).start()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """At the end, wait a little for messages on their way."""
        try:
            yield
        finally:
            for worker in self._workers.values():
                worker.end(_LEAVE)


def memory_of(settings: Path, target: NotifyTarget, before: int = 0) -> Path:
    """
    Return the file with what a target was told; its name tells nothing of the target.

    `before` is the number of earlier entries with the same address.
    """
    key = f"{settings.absolute()}\0{target.way!r}" + (f"\0{before}" if before else "")
    return state_folder() / "watch" / f"told-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
