"""
The mechanism of types about a container engine: docker(1) is asked, and makes the changes.

One command asks for all things of a kind. The answer about each is a line: JSON with what is
compared (what changes by itself, such as a process id, is left out), `-` for no such thing, `!`
without docker(1), `!why` if no engine answers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic, LiteralString, TypeVar

from cookbook.errors import Missing
from cookbook.provider import Command, Probe, Provider, Table, Thing, sh
from cookbook.resources._docker import DockerResource
from cookbook.text.bounded_io import parsed_object

NO_CLIENT = "!"

# One call tells of all: a line for each that is there, and an error for each that is not. Where the
# two do not account for all, each is asked alone: the engine does not answer, or has other errors.
# "No such file" and "no such host" are said of an engine that cannot be reached.
_ASK: LiteralString = r"""
cook_absent() { case "$l$t$l" in *[Nn]'o such '*": $n$l"*|*"get $n: "[Nn]'o such '*|\
*"$k $n not found$l"*|*[Nn]'o such '"$k $n$l"*) ;; *) return 1 ;; esac; }
cook_things() { k=$1; shift; command -v docker >/dev/null || { for n; do echo '!'; done; return; }
l='
'; t=$({} {} inspect --format {} -- "$@" 2>&1)
f=$(printf '%s\n' "$t" | grep '^{'); h=$(printf %s "${f:+$f$l}" | wc -l)
for n; do cook_absent || h=$((h - 1)); done
if [ $h = 0 ]; then for n; do if cook_absent; then echo -
else printf '%s\n' "${f%%"$l"*}"; f=${f#*"$l"}; fi; done; return; fi
for n; do if t=$({} {} inspect --format {} -- "$n" 2>&1); then printf '%s\n' "$t" | tail -n 1
else case $t in *[Nn]'o such object'*|*[Nn]'o such '"$k"*|*"$k $n not found"*) echo - ;;
*) printf '!%s\n' "$(printf %s "$t" | tr '\n' ' ')" ;; esac; fi; done; }; cook_things {} {}
"""


def docker(host: str | None) -> Command:
    """Return the words that call the client for the engine at an address."""
    if host is None:
        return sh("docker")
    return sh("docker -H {}", host if "://" in host else f"unix://{host}")


def briefly(command: Command, text: str) -> Command:
    """Return a script that is shown as a short text: it is long, and says nothing more."""
    return replace(command, shown=text, called=text)


@functools.cache
def table(kind: str, form: str, host: str | None) -> Table:
    """Return the question about things of a kind; the format is a template of docker(1)."""

    def ask(names: Sequence[str]) -> Command:
        call = docker(host)
        command = sh(_ASK.strip(), call, kind, form, call, kind, form, kind, list(names))
        return replace(command, called=f"docker {kind} inspect {' '.join(names)}")

    return Table(ask, _split)


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")[:-1]
    return ((key, f"{line}\n") for key, line in zip(keys, lines, strict=True))


def row(answer: str | None) -> Mapping[str, Any] | None:
    """
    Return the object in an answer; None if there is none, or no docker(1).

    Raises Missing if no engine answers, ValueError for an answer that is none.
    """
    text = (answer or "-").rstrip("\n")
    if text in ("-", NO_CLIENT):
        return None
    if text.startswith(NO_CLIENT):
        raise Missing(
            f"the container engine does not answer: {text.removeprefix(NO_CLIENT).strip()}",
            thing="docker",
            hint="does it run? `systemctl status docker` on the host shows it",
        )
    return parsed_object(text)


def has_client(answer: str | None) -> bool:
    """Return whether an answer shows that docker(1) is there."""
    return answer is not None and answer.rstrip("\n") != NO_CLIENT


def pairs(value: Any) -> tuple[str, ...]:
    """Return a mapping of texts as sorted `key=value`; nothing for null."""
    return tuple(sorted(f"{key}={text}" for key, text in (value or {}).items()))


R = TypeVar("R", bound=DockerResource)
S = TypeVar("S", bound=Any)


class DockerProvider(Provider[R, S], Generic[R, S]):
    """A provider of things in a container engine; they are unknown until it answers."""

    kind: ClassVar[str]
    """The name of the resource type."""
    what: ClassVar[str]
    """The kind of thing, as docker(1) has it: `network`."""
    form: ClassVar[str]
    """The format of an answer."""

    def ask(self, resource: R, name: str, *, loose: bool = False) -> Probe:
        """Return the question about a thing of the kind."""
        return table(self.what, self.form, resource.host).about(name, loose=loose)

    def probe(self, resource: R) -> Sequence[Probe]:
        """Ask for the thing."""
        return [self.ask(resource, resource.thing)]

    def missing(self, resource: R, *answers: str | None) -> Iterable[Thing]:
        """Yield docker(1) if it is not there, then what the type needs."""
        if not self.wants(resource):
            return
        if not answers or not has_client(answers[0]):
            yield Thing("tool", "docker")
        yield from self.needs(resource, *answers)

    def wants(self, resource: R, /) -> bool:
        """Return whether the resource wants the thing to exist."""
        return not {"delete", "remove", "nothing"} & set(resource.doing)

    def needs(self, resource: R, /, *answers: str | None) -> Iterable[Thing]:
        """Return the things that a change needs and the answers show as absent."""
        return ()

    def about(self, resource: R) -> Iterable[Thing]:
        """Yield the thing, and the unit: what an engine says that is not started is no answer."""
        return [Thing(self.kind, resource.identity), Thing("unit", "docker.service")]

    def alters(self, resource: R, change: Any) -> Iterable[Thing]:
        """Yield the thing."""
        return [Thing(self.kind, resource.identity)]

    def brings(self, name: str, change: Any) -> Iterable[Thing]:
        """Yield the thing."""
        return [Thing(self.kind, name)] if change.wanted is not None else []
