"""Cron jobs: by crontab(1)."""

from __future__ import annotations

from cookbook.providers.crontab import CrontabProvider

__all__ = ["CrontabProvider"]
