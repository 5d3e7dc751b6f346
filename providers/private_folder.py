"""A private folder for credentials, in memory while a command needs it."""

from __future__ import annotations

from typing import LiteralString

from cookbook.provider import Command, sh

# Where there is no place in memory, it is among the files of cook.
_PRIVATE: LiteralString = """\
cook_private() { cook_p=/dev/shm/.cook-$cook_nonce
(umask 077; mkdir -- "$cook_p") 2>/dev/null || { cook_p=$cook_home/.private-$cook_nonce
(umask 077; mkdir -p -- "$cook_home" && mkdir -- "$cook_p") || exit; }
trap 'rm -rf -- "$cook_p"' EXIT; trap 'exit 143' HUP INT TERM; }
cook_private
"""


def private_folder() -> Command:
    """Return shell text that makes a folder `$cook_p`, which is removed when its shell ends."""
    return sh(_PRIVATE)
