"""Accounts as passwd(5), shadow(5) and group(5) have them, and the question for many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cookbook.provider import Command, Content, Table, hint, secret, sh
from cookbook.providers.home import Place

NO_PASSWORD = Content.of(b"")
"""The hash of an account that never had one: useradd(8) makes them so, and locked."""


@dataclass(frozen=True)
class State:
    """
    A user as passwd(5), shadow(5) and group(5) have it.

    A state goes into plans and histories, so the hash of the password is not in
    it, only its digest; `contents` has the hash.
    """

    uid: int | None = None
    group: str | None = None
    """The primary group: its name, or the number where that is asked for or all there is."""
    comment: str | None = None
    home: str | None = None
    shell: str | None = None
    groups: tuple[str, ...] | None = None
    password: Content | None = secret()
    locked: bool | None = None
    expire_date: str | None = None
    inactive: int | None = None
    min_days: int | None = None
    max_days: int | None = None
    warn_days: int | None = None
    ssh_key: str | None = None
    """The type of the key pair in the home; empty if there is none of the type."""
    home_made: bool | None = None
    """
    True if a managed home exists: useradd(8) and usermod(8) change the account first, and may fail
    at the home.
    """
    gid: int | None = hint()
    """The number of the primary group, as found: it goes with the user, and comes back."""
    system: bool = hint(default=False)
    manage_home: bool = hint(default=False)
    non_unique: bool = hint(default=False)
    force: bool = hint(default=False)
    names: tuple[tuple[str, str], ...] = hint(default=())
    """Groups that are declared by number, and their names."""
    place: Place | None = hint()
    clear: bool = hint(default=False)
    """True if `password` names the password in the clear, not its hash."""
    key_bits: int | None = hint()
    key_pair: Content | None = hint()
    """The archive of a key pair that was removed."""
    ssh_folder: bool = hint(default=False)
    """True if the folder of the key pair exists."""
    no_shell: bool = hint(default=False)
    """True if the declared shell does not exist."""


# Four lines for each user there is: of passwd(5), of shadow(5), the name of the
# primary group, the groups it is named in. Only root can read shadow.
_LINES = """\
BEGIN { FS = ":"; n = ARGC; ARGC = 1 }
$0 == "-" { part++; next }
part == 0 { passwd[$1] = $0; primary[$1] = $4; next }
part == 1 { shadow[$1] = $0; next }
{ name[$3] = $1; k = split($4, m, ",")
  for (i = 1; i <= k; i++) in_[m[i]] = in_[m[i]] "," $1 }
END { for (i = 1; i < n; i++) if ((u = ARGV[i]) in passwd)
  printf "%s\\n%s\\n%s\\n%s\\n", passwd[u], shadow[u], name[primary[u]], in_[u] }"""


def _ask(names: Sequence[str]) -> Command:
    # Status 2 says that some key is not there (getent(1)); any other is an error.
    text = sh(
        "{ p=$(getent passwd {}) || [ $? = 2 ]; } && { s=$(getent shadow {}) || [ $? = 2 ]; }"
        ' && g=$(getent group) && printf "%s\\n" "$p" - "$s" - "$g" | awk {} {}',
        list(names),
        list(names),
        _LINES,
        list(names),
    )
    return replace(text, called=f"look up the users {' '.join(names)}")


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")[:-1]  # a comment may have what Unicode calls the end of a line
    blocks = ["".join(f"{line}\n" for line in lines[at : at + 4]) for at in range(0, len(lines), 4)]
    found = {block.partition(":")[0]: block for block in blocks}
    return ((key, found[key]) for key in keys if key in found)


ACCOUNT = Table(_ask, _split)
"""All there is to know about users; four processes, however many they are."""
