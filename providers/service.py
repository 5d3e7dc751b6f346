"""Services: by systemd."""

from __future__ import annotations

from cookbook.providers.systemd import SystemdProvider

__all__ = ["SystemdProvider"]
