"""Packages: by apt."""

from __future__ import annotations

from cookbook.providers.apt import AptProvider

__all__ = ["AptProvider"]
