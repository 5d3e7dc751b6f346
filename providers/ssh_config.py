"""Settings of ssh(1), in /etc/ssh/ssh_config.d or the file of a user."""

from __future__ import annotations

from cookbook.provider import AccessPath, Change, Risk, provides
from cookbook.providers.ssh_files import section_name
from cookbook.providers.ssh_settings import SshSettingProvider, State
from cookbook.resources.ssh_config import SshConfig


@provides(SshConfig)
class SshConfigProvider(SshSettingProvider[SshConfig]):
    """A setting is known by the patterns of its section, as they are written."""

    def path(self, setting: SshConfig) -> str:
        """Return the path of the main file."""
        return setting.path or "/etc/ssh/ssh_config"

    def own_path(self, setting: SshConfig) -> str:
        """Return the path of the file for own settings."""
        return setting.path or "/etc/ssh/ssh_config.d/00-cook.conf"

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return no risk: the files are those of the client."""
        return "no"

    def section(self, setting: SshConfig) -> tuple[str, str]:
        """Return the section of the hosts."""
        hosts = " ".join(setting.host.split())
        return section_name("Host", hosts), f"Host {hosts}"
