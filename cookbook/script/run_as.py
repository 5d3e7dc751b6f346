"""
To be somebody else for one command, and somebody who may do less: `become_user` of a resource.

A shell of that user reads the text on a pipe (arguments can be seen by everybody), with a
home, a stash and a folder for long contents of his own: what he may not read, we do not read
for him, and what he is given to write is written by him. Nothing of the shell that reads the
program reaches his but its streams; the nonce of the frames least of all.
"""

from __future__ import annotations

import hashlib
import shlex
from typing import LiteralString

from cookbook.script import stash
from cookbook.script.shell import Command, define_contents, sh

NO_USER = 67
"""The status that says: there is no such user. EX_NOUSER of sysexits.h."""

NOT_ALLOWED = 77
"""The status that says: nobody lets us become him. EX_NOPERM of sysexits.h."""

_CALL: LiteralString = "cook_as "

_SAID = "cook_as: "
"""How our own complaints begin, which no command's status can be taken for."""

# `~name` is expanded by the shell itself, which asks getpwnam(3): no process is needed. setpriv(1)
# opens no session, which would be lines in the journal for each question of each run; that of
# busybox cannot do it. A command that has failed may have done so because nobody was let in:
# asked after it, success costs nothing.
_FUNCTIONS = f"""\
cook_as() {{
cook_user=$1 cook_said=$2
eval "set -- ~$cook_user"
case $1 in "~"*) echo "{_SAID}there is no user $cook_user" >&2; return {NO_USER} ;; esac
if [ -O / ]; then
case $(setpriv --version 2>/dev/null) in
*util-linux*) set -- setpriv --reuid "$cook_user" --regid "$(id -g "$cook_user")" --init-groups ;;
*) if command -v runuser >/dev/null; then set -- runuser -u "$cook_user" --; else set --; fi ;;
esac
[ $# = 0 ] && set -- su -s /bin/sh "$cook_user" || set -- "$@" /bin/sh
elif [ "$(id -un)" = "$cook_user" ]; then set -- /bin/sh
elif command -v sudo >/dev/null; then set -- sudo -n -H -u "$cook_user" -- /bin/sh
elif command -v doas >/dev/null; then set -- doas -n -u "$cook_user" -- /bin/sh
else echo "{_SAID}there is no sudo and no doas to become $cook_user with" >&2
return {NOT_ALLOWED}; fi
printf '%s\\n' "HOME=~$cook_user USER=$cook_user LOGNAME=$cook_user" \\
"cook_stage=${{cook_stage:+$cook_stage-$cook_user}}" "$cook_inner" "$cook_said" |
"$@" -c 'eval "$(cat)"'
set -- $? "$@"
[ $1 = 0 ] || (shift; "$@" -c : >/dev/null) ||
{{ echo "{_SAID}nobody lets us become $cook_user" >&2; return {NOT_ALLOWED}; }}
return $1; }}
"""

_INNER = f"""\
export HOME USER LOGNAME LC_ALL=C LANGUAGE=
unset COOK_HOME MAIL XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR XDG_STATE_HOME
umask 022; cd /
{stash.HOME}"""


def functions(nonce: str) -> str:
    """Define `cook_as` for a program with this nonce, which another user must not learn."""
    other = hashlib.sha256(nonce.encode()).hexdigest()[:24]
    return f"{_FUNCTIONS}cook_inner={shlex.quote(f'{_INNER}cook_nonce={other}')}\n"


def as_user(user: str | None, command: Command, *, from_stash: bool = False) -> Command:
    """
    A command that this user runs; without one, the command itself.

    What it reads with `content` is `from_stash`, or it reads nothing.

    >>> print(as_user("app", sh("cat /etc/motd")).brief)
    cat /etc/motd (as app)
    """
    if not user:
        return command
    define = define_contents({}) if from_stash and command.contents else ""
    text = sh(_CALL + "{} {}", user, define + command.text).text
    return Command(text, command.shown, command.contents, called(user, command))


def acts(command: Command | str) -> bool:
    """Whether a command, or a line of a program, needs `functions`."""
    return _CALL in str(command.text if isinstance(command, Command) else command)


def called(user: str, command: Command) -> str:
    """How an error calls what this user has run."""
    return f"{command.brief} (as {user})"


def turned_away(status: int, complaint: str) -> bool:
    """Whether that was not said by what was to be run, but because nobody could become its user."""
    return status in (NO_USER, NOT_ALLOWED) and _SAID in complaint
