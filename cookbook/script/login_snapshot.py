"""
The snapshot of what a login depends on, taken before a batch with commands that leave no state.

A command such as `chmod 777 ~` or `systemctl reload ssh` has no undo of its own. If no login is
possible after it, the files that sshd(8), PAM, sudo(8) and doas(1) read, the home of the login
user and the rules of nftables are restored from the snapshot, byte for byte and mode for mode.
"""

from __future__ import annotations

from cookbook.script.shell import Command, sh

_PATHS = (
    "etc/ssh etc/sudoers etc/sudoers.d etc/doas.conf etc/pam.d etc/security etc/passwd etc/shadow"
    " etc/group etc/gshadow etc/nologin etc/shells etc/login.defs etc/nsswitch.conf"
    " etc/hosts.allow etc/hosts.deny"
)

# `lines` prints the watched paths that exist, `homes` the home and the folders above it.
_DEFINE = f"""\
cd / && d=$cook_home/login && u={{}} &&
h=$(getent passwd "$u" | cut -d: -f6) && h=${{h#/}} && [ "$h" ] || exit 0
paths() {{ for p in {_PATHS} "$h/.ssh"; do [ ! -e "$p" ] || printf '%s\\0' "$p"; done; }}
homes() {{ p=$h; while [ "$p" != "${{p%/*}}" ]; do printf '%s\\0' "$p"; p=${{p%/*}}; done
printf '%s\\0' "$p"; }}
all() {{ paths | xargs -0 -r -I% find % -xdev -print | sort; }}
"""

_TAKE = """\
(umask 077; mkdir -p -- "$d" && all >"$d/list" && paths >"$d/paths" && homes >"$d/homes" &&
tar --numeric-owner --acls --xattrs --one-file-system --null -T "$d/paths" -cf "$d/tar" &&
tar --numeric-owner --acls --xattrs --no-recursion --null -T "$d/homes" -rf "$d/tar"
if command -v nft >/dev/null; then { echo 'flush ruleset'; nft list ruleset; } >"$d/nft"; fi
) 2>/dev/null; :"""

# A file that came since is removed first: tar(1) only writes what was there.
_RESTORE = """\
[ -s "$d/tar" ] || exit 0
all | comm -13 "$d/list" - | while IFS= read -r p; do rm -rf --one-file-system -- "$p"; done
tar --numeric-owner --acls --xattrs --xattrs-include='*' -xpf "$d/tar"
[ ! -s "$d/nft" ] || nft -f "$d/nft\""""


def take(user: str) -> Command:
    """Return the command that takes the snapshot for the login of this user; it never fails."""
    return sh("(\n{}{}\n)", sh(_DEFINE, user), sh(_TAKE))


def restore(user: str) -> Command:
    """Return the command that restores the latest snapshot; it does nothing without one."""
    return sh("{}{}", sh(_DEFINE, user), sh(_RESTORE))


FORGET = sh('rm -rf -- "$cook_home/login"')
"""The command that removes the snapshot: it contains the password hashes of the host."""
