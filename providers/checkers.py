"""Programs that check the files they read: each is run unless `verify` says otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, sh

# A checker that is not installed checks nothing. What depends on more than the file itself (a
# certificate that is yet to come, a program that a unit starts) is no fault of the file, so the
# checkers that look at that, too, count by what they say of the file.
_SUDOERS = "! command -v visudo >/dev/null || visudo -cf {path}"
_SSHD = """\
! s=$(command -v sshd) || said=$("$s" -t -f {path} 2>&1) || case $said in
*"privilege separation directory"*|*"no hostkeys available"*) ;;
*) printf '%s\\n' "$said" >&2; false ;; esac"""
_CRONTAB = """\
! command -v crontab >/dev/null || case $(crontab -h 2>&1) in
*" -T"*) crontab -T {path} ;; *"(dry run"*) crontab -n {path} ;; esac"""
_FSTAB = """\
! command -v findmnt >/dev/null || said=$(findmnt --verify --tab-file {path} 2>&1) ||
case $said in *"parse error"*) printf '%s\\n' "$said" >&2; false ;; esac"""
_UNIT = """\
! command -v systemd-analyze >/dev/null || said=$(systemd-analyze verify {path} 2>&1) ||
case $said in *"bad unit file setting"*|*"failed to load properly"*)
printf '%s\\n' "$said" >&2; false ;; esac"""
_NFT = """\
! command -v nft >/dev/null || said=$(nft -c -f {path} 2>&1) || case $said in
*": Error:"*) printf '%s\\n' "$said" >&2; false ;; esac"""
# It says where in the file an error is; that a log is missing is no error of the file.
_LOGROTATE = """\
f={path}; ! command -v logrotate >/dev/null || said=$(logrotate -d "$f" 2>&1)
case $said in *"error: $f:"*) printf '%s\\n' "$said" | grep '^error' >&2; false ;; esac"""
# A part is checked in its place, as a part of the whole; only what is said of it counts.
_NGINX = """\
f={path}; ! command -v nginx >/dev/null || said=$(nginx -t -q -c "$f" 2>&1) || case $said in
*" in $f:"*) printf '%s\\n' "$said" >&2; false ;; esac"""
_NGINX_PART = """\
! command -v nginx >/dev/null || said=$(nginx -t -q 2>&1) || case $said in
*"/{base}:"*) printf '%s\\n' "$said" >&2; false ;; esac"""

_UNITS = r"service|socket|device|mount|automount|swap|target|path|timer|slice|scope"

_CHECKERS = tuple(
    (re.compile(pattern), command)
    for pattern, command in (
        (r"/etc/sudoers|/etc/sudoers\.d/[^/.~]+", _SUDOERS),
        (r"/etc/ssh/sshd_config|/etc/ssh/sshd_config\.d/[^/]+\.conf", _SSHD),
        (r"/var/spool/cron/(crontabs/)?[^/.]+", _CRONTAB),
        (r"/etc/fstab", _FSTAB),
        (rf"(/etc|/usr/local/lib|/usr/lib|/lib)/systemd/system/[^/]+\.({_UNITS})", _UNIT),
        (r"/etc/nftables\.conf", _NFT),
        (r"/etc/logrotate\.d/[\w.-]+", _LOGROTATE),
        (r"/etc/nginx/nginx\.conf", _NGINX),
        (r"/etc/nginx/(conf\.d|sites-enabled|sites-available)/[^/]+", _NGINX_PART),
    )
)


def checker_of(path: str) -> str | None:
    """
    Return the command that checks a new file by the program that reads it; None: there is none.

    >>> checker_of("/etc/sudoers.d/admins")
    '! command -v visudo >/dev/null || visudo -cf {path}'
    >>> checker_of("/etc/motd")
    """
    found = (command for pattern, command in _CHECKERS if pattern.fullmatch(path))
    command = next(found, None)
    base = path.rpartition("/")[2]
    if command is None or not re.fullmatch(r"[\w.@:+-]+", base):
        return None
    return command.replace("{base}", base)


# The copy has the name of the unit, by which its kind is known, and its instance.
_BESIDE: LiteralString = """\
! command -v systemd-analyze >/dev/null || (d=/run/.cook-$cook_nonce; trap 'rm -rf -- "$d"' EXIT
mkdir -m 700 -- "$d" && printf %s {} >"$d"/{} || exit
said=$(systemd-analyze verify "$d"/{} 2>&1); case $said in
*"bad unit file setting"*|*"failed to load properly"*|*"$d/"*": Unknown key"*)
printf '%s\\n' "$said" | sed "s#$d/##g" >&2; false ;; esac)"""


def check_of_unit(unit: str, text: str) -> Command:
    """Return the command that checks the text of a unit before it is in its place."""
    return replace(sh(_BESIDE, text, unit, unit), called=f"check {unit} by systemd-analyze")


def named(program: str, command: str) -> str:
    """Return a command that checks by a program, so that an error names that only."""
    return f": {program}; {command}"


def program_of(path: str, command: str) -> str | None:
    """Return the program of a check, if `named` or `checker_of` has made it; else None."""
    if (name := re.match(r": ([\w-]+); ", command)) is not None:
        return name[1]
    if command != checker_of(path):
        return None
    found = re.search(r"command -v ([\w-]+)", command)
    return found[1] if found is not None else None
