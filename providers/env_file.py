"""Files with the environment of a service."""

from __future__ import annotations

from cookbook.provider import provides, tainted
from cookbook.providers.own_file import OwnFileProvider
from cookbook.resources.env_file import EnvFile
from cookbook.resources.file import File


@provides(EnvFile)
class EnvFileProvider(OwnFileProvider[EnvFile]):
    """systemd reads the file when a service starts; nothing has to be told of it."""

    def file(self, env: EnvFile) -> File:
        """Return the file; no backup of it is kept, because there may be secrets in it."""
        if env.action != "create":
            return File(env.identity, action="delete", backup=False)
        text = env.text
        return File(
            env.identity,
            content=tainted(text) if text is not None and env.confidential else text,
            owner=env.owner,
            group=env.group,
            mode=env.mode,
            backup=False,
            verify=[],
            sensitive=env.confidential,
        )
