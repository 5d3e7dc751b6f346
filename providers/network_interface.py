"""Network interfaces: by systemd-networkd, or by ifupdown."""

from __future__ import annotations

from cookbook.providers.ifupdown import IfupdownProvider
from cookbook.providers.networkd import NetworkdProvider

__all__ = ["IfupdownProvider", "NetworkdProvider"]
