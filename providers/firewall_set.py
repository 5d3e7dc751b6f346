"""Named sets of addresses or ports: by nftables."""

from __future__ import annotations

from cookbook.providers.nftables_sets import SetProvider

__all__ = ["SetProvider"]
