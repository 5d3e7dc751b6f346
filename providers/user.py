"""Accounts: by useradd(8) and its relatives."""

from __future__ import annotations

from cookbook.providers.useradd import UseraddProvider

__all__ = ["UseraddProvider"]
