"""Keys that may log in: by the authorized_keys file of sshd(8)."""

from __future__ import annotations

from cookbook.providers.authorized_keys import AuthorizedKeysProvider

__all__ = ["AuthorizedKeysProvider"]
