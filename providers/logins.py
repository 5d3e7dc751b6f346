"""The login of a user: password, ages of the password, and key pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import LiteralString

from cookbook.provider import Command, Content, Probe, join, keep_output, sh
from cookbook.script.run_as import as_user

# The password is a line on standard input, not an argument. crypt(3) of the host knows each kind
# of hash that the host has; a lock in front of it does not count.
_VERIFY: LiteralString = (
    "printf '%s\\n' {} | perl -e '$p = <STDIN>; chomp $p; $h = (getpwnam($ARGV[0]))[1];"
    " $h =~ s/^!+//; $c = crypt($p, $h); print defined $c && length $h && $c eq $h ?"
    ' "same\\n" : "other\\n"\' {}'
)

_KEY: LiteralString = (
    'h=$(getent passwd {} | cut -d: -f6); [ ! -d "$h" ] || echo home;'
    ' [ ! -d "$h/.ssh" ] || echo folder; k=$h/.ssh/id_{};'
    ' if [ -e "$k" ] || [ -L "$k" ]; then echo key; fi'
)

_GENERATE: LiteralString = (
    'umask 077; k=$HOME/.ssh/id_{}; mkdir -p -- "$HOME/.ssh" && { [ -e "$k" ] ||'
    ' ssh-keygen -q -t {} {} -N "" -f "$k" </dev/null; }'
)

# The stash is root's: the shell of the user gets the archive in its text, which it reads on a pipe.
_RESTORE: LiteralString = (
    'a=$(content {} | base64 -w 0) && cook_as {} "umask 077; mkdir -p -- \\"\\$HOME/.ssh\\" &&'
    ' [ ! -e \\"\\$HOME\\"/.ssh/id_{} ] && echo $a | base64 -d |'
    ' tar -C \\"\\$HOME/.ssh\\" -xpf -"'
)

_PACK: LiteralString = (
    'cd -- "$HOME/.ssh" && case $(tar --version 2>/dev/null) in *GNU*) o=--format=posix ;;'
    " *) o= ;; esac; tar $o -cf - id_{} id_{}.pub"
)

_REMOVE: LiteralString = 'k=$HOME/.ssh/id_{}; rm -f -- "$k" "$k.pub"'

KEYGEN = Probe(
    sh("PATH=$PATH:/usr/bin command -v ssh-keygen || exit 4"),
    absent=4,
    loose=True,
)
"""The question for ssh-keygen(1)."""


def ask_same(name: str, clear: str) -> Probe:
    """Return the question for a password in the clear: `same` if the stored hash is its own."""
    verify = sh(_VERIFY, clear, name)
    return Probe(replace(verify, called=f"compare the password of {name}"))


def ask_key(name: str, kind: str) -> Probe:
    """Return the question for a key pair: a line each for home, folder and key that exist."""
    return Probe(replace(sh(_KEY, name, kind), called=f"look for the ssh key of {name}"))


def generate(name: str, kind: str, bits: int | None) -> Command:
    """Return the command that makes a key pair, with the rights of the user."""
    size = sh("-b {}", bits) if bits is not None else sh("")
    text = as_user(name, sh(_GENERATE, kind, kind, size))
    return replace(text, shown=sh("ssh-keygen -t {} # as {}", kind, name).shown)


def remove_key(name: str, kind: str, *, folder: bool) -> Command:
    """Return the command that removes a key pair, and the folder if that was made with it."""
    tidy = sh('rmdir -- "$HOME/.ssh" 2>/dev/null || :') if folder else sh(":")
    text = as_user(name, join([sh(_REMOVE, kind), tidy], " && "))
    return replace(text, shown=sh("rm ~{}/.ssh/id_{}", name, kind).shown)


def keep_key(name: str, kind: str) -> Command:
    """Return the command that stashes a key pair; it prints the digest."""
    tar = as_user(name, sh(_PACK, kind, kind))
    return keep_output(tar)


def restore_key(name: str, kind: str, pair: Content) -> Command:
    """Return the command that restores a key pair, unless there is another one."""
    text = sh(_RESTORE, pair, name, kind)
    return replace(text, shown=sh("restore ~{}/.ssh/id_{}", name, kind).shown)


def set_password(name: str, digest: Content | None, *, clear: bool, locked: bool) -> Command:
    """
    Return the command that sets a password, or its hash; None stands for no password.

    A new password opens a lock, so a locked account is locked again.
    """
    content = sh("content {}", digest) if digest is not None else sh(":")
    if clear:
        text = sh("(printf %s {}; {}; echo) | chpasswd", f"{name}:", content)
        return join([text, sh("usermod --lock {}", name)], " && ") if locked else text
    prefix = f"{name}:{'!' if locked else ''}"
    return sh("(printf %s {}; {}; echo) | chpasswd --encrypted", prefix, content)


def set_ages(name: str, days: dict[str, int]) -> Iterator[Command]:
    """Yield the command that sets ages of a password, by field."""
    flags = {"min_days": "--mindays", "max_days": "--maxdays", "warn_days": "--warndays"}
    if words := [w for field, n in days.items() for w in (flags[field], str(n))]:
        yield sh("chage {} {}", words, name)
