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

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""PATH of the commands of another user, however the run has logged in."""

NO_USER = 67
"""The exit status if the user does not exist. EX_NOUSER of sysexits.h."""

NOT_ALLOWED = 77
"""The exit status if it is not allowed to become the user. EX_NOPERM of sysexits.h."""

_CALL: LiteralString = "cook_as "

_PRINT: LiteralString = 'printf %s "$cook_be" '

_SAID = "cook_as: "
"""The prefix of cook's own complaints, which differ from any command's status."""

# Unsets all exported variables; it starts no program. bash(1) says `declare -x` outside of its
# POSIX mode. A line that continues a value may look like a name; what cannot be one must not reach
# `unset`, whose failure ends a shell.
_FORGET = """\
set -f; IFS='
'
for cook_v in $(export -p); do
case $cook_v in "export "*) cook_v=${cook_v#export } ;;
"declare -x "*) cook_v=${cook_v#declare -x } ;; *) continue ;; esac
cook_v=${cook_v%%=*}
case $cook_v in *[!A-Za-z0-9_]*|[0-9]*|"") ;; *) unset "$cook_v" ;; esac
done; unset IFS cook_v; set +f
"""

# The environment of a user, made from nothing but its entry in passwd(5): what the session of the
# login has set depends on how the run came in. getent(1) is absent in a busybox alone.
_BE = f"""\
cook_entry() {{ getent passwd "$1" 2>/dev/null || cook_k=$1 awk -F: \
'{{ k = ENVIRON["cook_k"] }} $1 == k || $3 == k {{ print; exit }}' /etc/passwd; }}
cook_be() {{
{_FORGET}export LC_ALL=C LANGUAGE= PATH={PATH}
set -f; IFS=:; set -- "$1" $(cook_entry "$1"); unset IFS; set +f
export USER="${{2:-$1}}" LOGNAME="${{2:-$1}}" HOME="${{7:-/}}" SHELL="${{8:-/bin/sh}}"; }}
"""

# `~name` is expanded by the shell itself, which asks getpwnam(3): no process is needed. setpriv(1)
# opens no session, which would be lines in the journal for each question of each run; that of
# busybox cannot do it. Which one there is, is asked once for a program. A command that has failed
# may have done so because no user was let in: asked after it, success costs nothing.
_FUNCTIONS = f"""\
[ ! -O / ] || cook_by=$(setpriv --version 2>/dev/null)
cook_as() {{
cook_user=$1 cook_said=$2
eval "set -- ~$cook_user"
case $1 in "~"*) echo "{_SAID}there is no user $cook_user" >&2; return {NO_USER} ;; esac
if [ -O / ]; then
case $cook_by in
*util-linux*) set -- setpriv --reuid "$cook_user" --regid "$(id -g "$cook_user")" --init-groups ;;
*) if command -v runuser >/dev/null; then set -- runuser -u "$cook_user" --; else set --; fi ;;
esac
[ $# = 0 ] && set -- su -s /bin/sh "$cook_user" || set -- "$@" /bin/sh
elif [ "$(id -un)" = "$cook_user" ]; then set -- /bin/sh
elif command -v sudo >/dev/null; then set -- sudo -n -H -u "$cook_user" -- /bin/sh
elif command -v doas >/dev/null; then set -- doas -n -u "$cook_user" -- /bin/sh
else echo "{_SAID}there is no sudo and no doas to become $cook_user with" >&2
return {NOT_ALLOWED}; fi
printf '%s\\n' "cook_user=$cook_user" \\
"cook_stage=${{cook_stage:+$cook_stage-$cook_user}}" "$cook_inner" "$cook_said" |
"$@" -c 'eval "$(cat)"'
set -- $? "$@"
[ $1 = 0 ] || (shift; "$@" -c : >/dev/null) ||
{{ echo "{_SAID}it is not allowed to become $cook_user" >&2; return {NOT_ALLOWED}; }}
return $1; }}
"""

_INNER = f"""\
{_BE}cook_be "$cook_user"; unset cook_user
umask 022; cd /
{stash.HOME}"""


def functions(nonce: str) -> str:
    """Return the definition of `cook_as` for a program with this nonce, which stays secret."""
    other = hashlib.sha256(nonce.encode()).hexdigest()[:24]
    inner = shlex.quote(f"{_INNER}cook_nonce={other}")
    return f"{_FUNCTIONS}cook_be={shlex.quote(_BE)}\ncook_inner={inner}\n"


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


def as_owner(path: str, command: Command) -> Command:
    """Return a command that runs another one as the user that a path on the host belongs to."""
    text = sh('u=$(stat -c %U -- {}) || exit; cook_as "$u" {}', path, command.text).text
    return Command(text, command.shown, command.contents, command.brief)


def with_environment(body: Command) -> Command:
    """
    Return the command that prints this shell text, for a shell of another user.

    In the text `cook_be USER` sets the environment of a user, and `cook_entry USER` prints its
    entry in passwd(5).
    """
    word = Command(sh("{}", body.text).text, sh("{}", body.shown).text, body.contents)
    return sh(_PRINT + "{}", word)


def acts(command: Command | str) -> bool:
    """Return whether a command, or a line of a program, needs `functions`."""
    text = str(command.text if isinstance(command, Command) else command)
    return _CALL in text or _PRINT in text


def called(user: str, command: Command) -> str:
    """Return the text for a command of this user in errors."""
    return f"{command.brief} (as {user})"


def turned_away(status: int, complaint: str) -> bool:
    """Return whether a failure is that of `cook_as`, so that the command itself did not run."""
    return status in (NO_USER, NOT_ALLOWED) and _SAID in complaint
