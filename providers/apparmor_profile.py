"""Profiles of AppArmor: files, the links that set their modes, and what the kernel has loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Texts,
    Thing,
    hint,
    join,
    provides,
    sh,
)
from cookbook.providers import writing
from cookbook.providers.checkers import named
from cookbook.providers.file_part import FileAndMore, file_change, file_part, file_values
from cookbook.providers.own_file import FILES
from cookbook.resources.apparmor_profile import ApparmorProfile
from cookbook.resources.file import File

# The names that a file defines are asked of its text: those of a disabled file would not be told.
_FUNCTIONS: LiteralString = r"""
n={} a=/etc/apparmor.d/$n k=/sys/kernel/security/apparmor m=/run/cook-apparmor
PATH=$PATH:/usr/sbin:/sbin
cook_names() { [ ! -e "$a" ] || (cd /etc/apparmor.d && apparmor_parser -N <"$a" 2>/dev/null); }
"""

_ASK: LiteralString = (
    _FUNCTIONS.strip("\n")
    + r"""
if [ -L "${a%/*}/disable/$n" ]; then echo mode disable
elif [ -L "${a%/*}/force-complain/$n" ]; then echo mode complain; else echo mode enforce; fi
[ ! -e "$m/$n" ] || echo interrupted
[ -r "$k/profiles" ] || exit 0; echo kernel
cook_names | while IFS= read -r q; do x=$(grep -F -e "$q (" "$k/profiles" | while IFS= read -r y; do
[ "${y%" ("*}" != "$q" ] || echo "${y##*" ("}"; done); x=${x%)}; echo "loaded ${x:-no}"; done
"""
)

# A name that the new text does not have any more stays in the kernel unless it is removed there.
_STEPS: LiteralString = r"""
mkdir -p -m 700 -- "$m" && : >"$m/$n" || exit; b=$(cook_names)
cook_unload() { [ ! -w "$k/.remove" ] || printf '%s\n' "$1" | while IFS= read -r q; do
[ ! "$q" ] || ! grep -qF -e "$q (" "$k/profiles" || printf %s "$q" >"$k/.remove" || exit; done; }
"""

_LOAD: LiteralString = r"""
[ ! -w "$k/.replace" ] || apparmor_parser -r -W -- "$a" && cook_names >"$m/$n" &&
cook_unload "$(printf '%s\n' "$b" | grep -vxF -f "$m/$n")"
"""


@dataclass(frozen=True)
class State(FileAndMore):
    """A file in /etc/apparmor.d, its mode, and what the kernel has of it."""

    profile_mode: str | None = None
    """`enforce`, `complain` or `disable`, by the links."""
    loaded: str | None = None
    """The mode in which the kernel has it; `no` for not loaded or not entirely, `stale` after an
    interrupted change, None where the kernel has no AppArmor."""
    kernel: bool = hint(default=True)
    """True if the kernel has AppArmor, or that is not known."""


@provides(ApparmorProfile)
class ApparmorProfileProvider(Provider[ApparmorProfile, State]):
    """The file is handled as a file; apparmor_parser(8) compiles it before, and loads it after."""

    essence = FILES.essence

    def probe(self, profile: ApparmorProfile) -> Sequence[Probe]:
        """Ask for mode and kernel, for the program, and for the file."""
        ask = replace(sh(_ASK.strip(), profile.name), called=f"look at AppArmor: {profile.name}")
        find = sh("PATH=$PATH:/usr/sbin:/sbin command -v apparmor_parser || exit 4")
        return [Probe(ask), Probe(find, absent=4, loose=True), *FILES.probe(_file(profile))]

    def parse(self, profile: ApparmorProfile, text: str, *answers: Any) -> State:
        """Return what is there."""
        of_file = answers[1:]
        file = FILES.parse(_file(profile), *of_file) if of_file[0] is not None else None
        lines = text.splitlines()
        [mode] = [line.removeprefix("mode ") for line in lines if line.startswith("mode ")]
        modes = {line.removeprefix("loaded ") for line in lines if line.startswith("loaded ")}
        kernel = "kernel" in lines
        loaded = None
        if kernel:
            loaded = (
                modes.pop()
                if len(modes) == 1
                else ("no" if "no" in modes or not modes else "several")
            )
            loaded = "stale" if "interrupted" in lines else loaded
        return _joined(file, mode, loaded, kernel=kernel)

    def plan(self, profile: ApparmorProfile, found: State | None) -> Change[State]:
        """Compare file, mode, and what is loaded."""
        now = found if self.there(found) else None
        if profile.action == "delete":
            return Change(now, None)
        file = FILES.plan(_file(profile), file_part(now))
        kernel = found is None or found.kernel
        wanted = _joined(file.wanted, profile.mode, _wanted_load(profile, now), kernel=kernel)
        off = profile.mode == "disable" or kernel
        warning = (
            None if off else "it is not loaded: the kernel has no AppArmor, or not for this host"
        )
        return Change(now, wanted, note=file.note, warning=warning)

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Write the file, set the links, and load it; or unload and remove it."""
        wanted = change.wanted
        profile = name.rpartition("/")[2]
        file = file_change(change)
        steps = [*_steps(name, file, wanted)]
        whole = sh(
            '{}\n{}\n{} && rm -f -- "$m/$n"',
            sh(_FUNCTIONS.strip("\n"), profile),
            sh(_STEPS.strip("\n")),
            join(steps, " && "),
        )
        verb = "remove" if wanted is None else "write and load"
        yield replace(whole, called=f"{verb} the profile {profile} of AppArmor")

    def contents(self, profile: ApparmorProfile) -> Mapping[str, bytes]:
        """Return the wanted content."""
        return FILES.contents(_file(profile))

    def texts(self, name: str, change: Change[State]) -> Texts | None:
        """Return the texts before and after."""
        file = file_change(change)
        return FILES.texts(name, file) if file.needed else None

    def missing(
        self, profile: ApparmorProfile, _text: str | None, *answers: Any
    ) -> Iterator[Thing]:
        """Yield the program, and the folder."""
        tool, *of_file = answers
        if profile.action == "create":
            if tool is None:
                yield Thing("tool", "apparmor_parser")
            yield from FILES.missing(_file(profile), *of_file)

    def brings(self, name: str, change: Change[State]) -> Iterable[Thing]:
        """Yield the file."""
        return [Thing("path", name)] if change.wanted is not None else []

    def about(self, profile: ApparmorProfile) -> Iterable[Thing]:
        """Yield the file."""
        return [Thing("path", profile.identity)]

    def there(self, state: State | None) -> bool:
        """Return whether there is the file."""
        return state is not None and bool(state.defined)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the former content."""
        return FILES.keeps(name, file_change(change))

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add when it was modified."""
        file = FILES.learned(file_change(change), kept, said).found
        before = change.found
        if file is None or before is None:
            return change
        return replace(
            change,
            found=_joined(file, before.profile_mode, before.loaded, kernel=before.kernel),
        )

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former file and the former mode."""
        before = change.found
        left = now if self.there(now) else None
        if before is None:
            return Change(left, None)
        file = FILES.back(name, file_change(change), file_part(left)).wanted
        wanted = _joined(file, before.profile_mode, before.loaded, kernel=before.kernel)
        return Change(left, wanted)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason why the former file cannot be restored."""
        return FILES.unobtainable(name, file_change(change), file_part(now))

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a profile may confine what the login needs."""
        about_login = re.search(r"sshd|sudo|doas|login|[.]su$", name.rpartition("/")[2])
        enforced = change.wanted is not None and change.wanted.profile_mode == "enforce"
        return "may" if about_login and enforced else "no"


def _wanted_load(profile: ApparmorProfile, now: State | None) -> str | None:
    """Return the mode that the kernel is to have it in; None if that is not compared."""
    if now is None or now.loaded is None:
        return None
    if profile.mode == "disable":
        return "no"
    if profile.mode == "enforce" and profile.own_mode:
        return None if now.loaded not in ("no", "stale") else "complain"
    return profile.mode


def _steps(name: str, file: Change[writing.State], wanted: State | None) -> Iterator[Command]:
    if wanted is None or wanted.profile_mode == "disable":
        yield sh('cook_unload "$b"')
    if wanted is not None and file.wanted is not None:
        check = named("apparmor_parser", "apparmor_parser -Q -K -T {path} >/dev/null")
        file = replace(file, wanted=replace(file.wanted, verify=(check,)))
    for command in FILES.commands(name, file) if file.needed else ():
        yield sh("(\n{}\n)", command)
    mode = wanted.profile_mode if wanted is not None else "enforce"
    for folder, one in (("disable", "disable"), ("force-complain", "complain")):
        link = sh('"${a%/*}"/{}/"$n"', folder)
        if mode == one:
            yield sh('mkdir -p -- "${a%/*}"/{} && ln -sfn -- "$a" {}', folder, link)
        elif mode is not None:
            yield sh("rm -f -- {}", link)
    if wanted is not None and mode != "disable":
        yield sh("{\n{}\n}", sh(_LOAD.strip("\n")))


def _file(profile: ApparmorProfile) -> File:
    if profile.action != "create":
        return File(profile.identity, action="delete", backup=False)
    return File(
        profile.identity,
        content=profile.content,
        owner="root",
        group="root",
        mode="0644",
        backup=False,
        verify=[],
    )


def _joined(
    file: writing.State | None, mode: str | None, loaded: str | None, *, kernel: bool
) -> State:
    return State(**file_values(file), profile_mode=mode, loaded=loaded, kernel=kernel)
