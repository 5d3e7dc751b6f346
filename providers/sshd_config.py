"""Settings of sshd(8), compared by what is in effect, and checked with all files together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, LiteralString

from cookbook.errors import HostError
from cookbook.provider import Command, Probe, Table, Thing, join, provides, sh
from cookbook.providers.checkers import checker_of, named
from cookbook.providers.ssh_files import section_name
from cookbook.providers.ssh_settings import SshSettingProvider, State
from cookbook.resources._ssh_settings import JOINED
from cookbook.resources.sshd_config import SshdConfig

MAIN = "/etc/ssh/sshd_config"
OWN = "/etc/ssh/sshd_config.d/00-cook.conf"

# sshd itself says what is in effect (`now`), and how it reads the declared lines (`declared`). It
# does so only where it could be started: it wants its folder in /run, and a host key.
_EFFECT: LiteralString = r"""
s=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || exit 0; c=
show() { printf '%s\n' "$2" | awk -v k="$k" -v w="$1" 'tolower($1) == k {
$1 = ""; print w $0 }'; }
cannot() { case $1 in *"privilege separation directory"*|*"no hostkeys available"*) ;;
*) false ;; esac; }
cook_effect() { if [ "$c" != "at $1" ]; then c="at $1" r=0; if [ "$1" ]
then out=$("$s" -T -C "$1" 2>&1) || r=1; else out=$("$s" -T 2>&1) || r=1; fi; fi; k=$2; shift 2
if [ $r = 0 ]; then show now "$out"
elif cannot "$out"; then echo unknown; return; else printf '%s\n' "$out" >&2; exit 1; fi
[ $# != 0 ] || return 0
if o=$("$s" -T -f /dev/null "$@" 2>&1); then show declared "$o"
else echo "refused $(printf %s "$o" | tail -n 1)"; fi; }
"""
_BETWEEN = "\x1e"
"""Stands between the login, the keyword and the declared lines, in a key."""


def _ask_effect(keys: Sequence[str]) -> Command:
    """Return the question for what is in effect: sshd says it once for each login."""
    asked = [key.split(_BETWEEN) for key in keys]
    each = [
        sh("cook_effect {} {} {}; printf '\\0'", login, key,
           [word for line in lines for word in ("-o", line)])
        for login, key, *lines in asked
    ]  # fmt: skip
    called = f"sshd -T # {', '.join(key for _, key, *_ in asked)}"
    return replace(join([sh(_EFFECT.strip()), *each], "\n"), called=called)


def _split_effect(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what is said of each keyword; nothing is said where there is no sshd."""
    parts = [f"{part}\0" for part in text.split("\0")[:-1]]
    return zip(keys, parts, strict=bool(parts))


EFFECT = Table(_ask_effect, _split_effect)

# A new part is checked in a copy of all files, at the place at which it will be read.
_TOGETHER = """\
! s=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || {
d=$(mktemp -d) && trap 'rm -rf -- "$d"' EXIT && mkdir "$d/parts" || exit
for f in /etc/ssh/sshd_config.d/*.conf; do [ ! -f "$f" ] || cp -- "$f" "$d/parts/" || exit; done
cp -- {path} "$d/parts/{name}" && sed "s|/etc/ssh/sshd_config[.]d/|$d/parts/|g
s|^\\([[:space:]]*[Ii]nclude[[:space:]]\\{1,\\}\\)sshd_config[.]d/|\\1$d/parts/|" \
/etc/ssh/sshd_config >"$d/main" || exit
said=$("$s" -t -f "$d/main" 2>&1) || case $said in
*"privilege separation directory"*|*"no hostkeys available"*) ;;
*) printf '%s\\n' "$said" >&2; false ;; esac; }"""

_TESTED = {"user": "user", "host": "host", "address": "addr"}
"""The criteria with which `sshd -T -C` can be asked."""

_ASIDE = frozenset({"listenaddress"})
"""Keywords whose value depends on others: they are compared as they are written."""


@provides(SshdConfig)
class SshdConfigProvider(SshSettingProvider[SshdConfig]):
    """The main file, and the folder that it includes at its beginning."""

    def path(self, setting: SshdConfig) -> str:
        """Return the path of the main file."""
        return MAIN

    def own_path(self, setting: SshdConfig) -> str:
        """Return the path of the file for own settings."""
        return OWN

    def section(self, setting: SshdConfig) -> tuple[str, str]:
        """Return the section of the criteria; empty for the beginning of the file."""
        if setting.match is None:
            return "", ""
        return section_name("Match", setting.match), f"Match {' '.join(setting.match.split())}"

    def probe(self, setting: SshdConfig) -> Sequence[Probe]:
        """Ask for the files, and for what is in effect."""
        lines = [] if self.removes_it(setting) else setting.lines
        asked = EFFECT.about(_BETWEEN.join([_place_of(setting), setting.key, *lines]))
        return [*super().probe(setting), asked]

    def parse(self, setting: SshdConfig, text: str, obstacles: str | None, *more: Any) -> State:
        """Return the setting in effect; as it is written where sshd(8) cannot say it."""
        found = super().parse(setting, text, obstacles, *more)
        said = [line.partition(" ")[::2] for line in (more[2] or "").strip("\0").splitlines()]
        refused = next((rest for word, rest in said if word == "refused"), None)
        if refused is not None:
            raise HostError(f"{setting}: sshd does not accept it: {refused}")
        certain = more[2] is not None and ("unknown", "") not in said
        tested = setting.match is None or bool(_place_of(setting))
        if not certain or not tested or setting.key in _ASIDE:
            return found
        now = _value(setting, [rest for word, rest in said if word == "now"])
        declared = _value(setting, [rest for word, rest in said if word == "declared"])
        same = now == declared and now is not None
        return replace(found, value=self.declared(setting) if same else now)

    def checker(self, path: str) -> str | None:
        """Return the check of a file by sshd(8), a part together with all others."""
        if path == MAIN:
            return checker_of(path)
        return named("sshd", _TOGETHER.replace("{name}", path.rpartition("/")[2]))

    def missing(
        self, setting: SshdConfig, text: str | None, obstacles: str | None, *more: Any
    ) -> Iterator[Thing]:
        """Yield the files, and sshd(8)."""
        yield from super().missing(setting, text, obstacles, *more)
        if more[2] is None and not self.removes_it(setting):
            yield Thing("tool", "sshd")


def _value(setting: SshdConfig, values: Sequence[str]) -> str | None:
    """Return the values of a keyword as sshd(8) prints them; None where it prints none."""
    first = setting.first_word
    own = [value for value in values if first in ("", value.split(None, 1)[0].lower())]
    if setting.key not in JOINED:
        return own[0] if own else None
    return ", ".join(sorted({*own})) or None


def _place_of(setting: SshdConfig) -> str:
    """Return the login with which `sshd -T -C` is asked about a section; empty if it has none."""
    if setting.match is None:
        return ""
    words = setting.match.replace('"', "").split()
    pairs = dict(zip((word.lower() for word in words[0::2]), words[1::2], strict=False))
    exact = all(key in _TESTED and not {*value} & {*"*?!,/="} for key, value in pairs.items())
    if not exact or len(words) % 2:
        return ""
    login = {"user": "cook", "host": "cook.invalid", "addr": "192.0.2.1"}
    login |= {_TESTED[key]: value for key, value in pairs.items()}
    return ",".join(f"{key}={value}" for key, value in login.items())
