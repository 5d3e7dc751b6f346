"""Static routes: by systemd-networkd, or by ifupdown."""

from __future__ import annotations

from cookbook.providers.ifupdown import IfupdownRoutes
from cookbook.providers.networkd import NetworkdRoutes

__all__ = ["IfupdownRoutes", "NetworkdRoutes"]
