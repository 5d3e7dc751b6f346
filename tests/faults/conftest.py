"""Faults are met on the same hosts, by the same means, as everything else."""

from __future__ import annotations

from tests.hosts.conftest import converge, cook, plan, target

__all__ = ["converge", "cook", "plan", "target"]
