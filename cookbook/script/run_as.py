"""
The execution of one command as another, less privileged user: `become_user` of a resource.

A shell of that user reads the text from a pipe (arguments are visible to all users). It has a
home, a stash and a folder for long contents of its own: it reads and writes only files that
the user may read and write. Of the shell that reads the program it inherits only the streams;
above all it does not get the nonce of the frames.
"""

from __future__ import annotations

import hashlib
import shlex
from typing import LiteralString

from cookbook.script import stash
from cookbook.script.shell import Command, define_contents, sh

NO_USER = 67
"""The exit status if the user does not exist. EX_NOUSER of sysexits.h."""

NOT_ALLOWED = 77
"""The exit status if it is not allowed to become the user. EX_NOPERM of sysexits.h."""

_CALL: LiteralString = "cook_as "

_SAID = "cook_as: "
"""The prefix of cook's own complaints, which differ from any command's status."""

# `~name` is expanded by the shell itself, which asks getpwnam(3): no process is needed. setpriv(1)
# opens no session, which would be lines in the journal for each question of each run; that of
# busybox cannot do it. A command that has failed may have done so because no user was let in:
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
{{ echo "{_SAID}it is not allowed to become $cook_user" >&2; return {NOT_ALLOWED}; }}
return $1; }}
"""

_INNER = f"""\
export HOME USER LOGNAME LC_ALL=C LANGUAGE=
unset COOK_HOME MAIL XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR XDG_STATE_HOME
umask 022; cd /
{stash.HOME}"""


def functions(nonce: str) -> str:
    """Return the definition of `cook_as` for a program with this nonce, which stays secret."""
    other = hashlib.sha256(nonce.encode()).hexdigest()[:24]
    return f"{_FUNCTIONS}cook_inner={shlex.quote(f'{_INNER}cook_nonce={other}')}\n"


def as_user(user: str | None, command: Command, *, from_stash: bool = False) -> Command:
    """
    Return a command that runs another one as this user; the same command without a user.

    With `from_stash` the command can read contents with `content`, from the user's stash.

    >>> print(as_user("app", sh("cat /etc/motd")).brief)
    cat /etc/motd (as app)
    """
    if not user:
        return command
    define = define_contents({}) if from_stash and command.contents else ""
    text = sh(_CALL + "{} {}", user, define + command.text).text
    return Command(text, command.shown, command.contents, called(user, command))


def acts(command: Command | str) -> bool:
    """Return whether a command, or a line of a program, needs `functions`."""
    return _CALL in str(command.text if isinstance(command, Command) else command)


def called(user: str, command: Command) -> str:
    """Return the text for a command of this user in errors."""
    return f"{command.brief} (as {user})"


def turned_away(status: int, complaint: str) -> bool:
    """Return whether a failure is that of `cook_as`, so that the command itself did not run."""
    return status in (NO_USER, NOT_ALLOWED) and _SAID in complaint
