"""Translation of addresses and ports: by nftables, or by iptables."""

from __future__ import annotations

from cookbook.providers.iptables import IptablesNat
from cookbook.providers.nftables import NftablesNat

__all__ = ["IptablesNat", "NftablesNat"]
