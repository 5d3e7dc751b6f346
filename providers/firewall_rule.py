"""Rules of the packet filter: by nftables, or by iptables."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesProvider
from cookbook.providers.nftables import NftablesProvider

__all__ = ["IptablesProvider", "NftablesProvider"]
