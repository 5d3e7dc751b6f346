"""Answers of web servers, by curl(1) or wget(1) of the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import LiteralString

from cookbook.provider import Command, Probe, Thing, provides, script, sh
from cookbook.providers.checks import CheckProvider
from cookbook.resources.http_check import HttpCheck

# Nothing is written to a file: a question leaves no trace. What stands before the first blank of
# the last line of curl(1) is the body's; with wget(1) the headers come first, on the other stream.
_ASK: LiteralString = r"""
u={} b={}; if command -v curl >/dev/null; then
r=$(curl -sS {} -m {} {} -w '\n%{http_code}' -- "$u" 2>&1 | tr -d '\0'); s=${r##*
}
elif command -v wget >/dev/null; then
r=$(wget -q -S -O - -t 1 --content-on-error --max-redirect=0 {} -T {} {} -- "$u" 2>&1 | tr -d '\0')
s=$(printf '%s\n' "$r" | sed -n 's,^ *HTTP/[0-9.]* \([0-9]*\).*,\1,p' | head -n 1)
else echo 'there is neither curl nor wget'; false; fi &&
case $s in {}) case $r in *"$b"*) ;; *) echo "$u answers $s without the text $b"; false ;; esac ;;
[1-5]*) echo "$u answers $s"; false ;; *) echo "$u does not answer: $r"; false ;; esac
"""

_TOOL = Probe(sh("command -v curl || command -v wget || exit 4"), absent=4, loose=True)


@provides(HttpCheck)
class HttpCheckProvider(CheckProvider[HttpCheck]):
    """One request, repeated until its answer is the wanted one."""

    def probe(self, check: HttpCheck) -> Sequence[Probe]:
        """Ask once, and for a program that can."""
        return [*self.asked(check), _TOOL]

    def condition(self, check: HttpCheck) -> Command:
        """Return the command."""
        lines = [f"{name}: {value}" for name, value in check.headers.items()]
        seconds = check.request_timeout
        safe = check.verify_certificate
        return sh(
            _ASK.strip(),
            check.address,
            check.body or "",
            sh("") if safe else sh("-k"),
            seconds,
            [word for line in lines for word in ("-H", line)],
            sh("") if safe else sh("--no-check-certificate"),
            seconds,
            [f"--header={line}" for line in lines],
            script("|".join(str(status) for status in check.statuses)),
        )

    def patience(self, check: HttpCheck) -> tuple[str, float, float]:
        """Return the condition in words, and the seconds."""
        status = " or ".join(str(one) for one in check.statuses)
        body = f" with the text {check.body!r}" if check.body is not None else ""
        return f"{check.address} answers {status}{body}", check.timeout, check.interval

    def missing(self, check: HttpCheck, *answers: str | None) -> Iterable[Thing]:
        """Yield the program."""
        return [Thing("tool", "curl")] if answers[-1] is None else []

    def about(self, check: HttpCheck) -> Iterable[Thing]:
        """Yield nothing: what answers is not known."""
        return []
