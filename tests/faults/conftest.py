"""Faults are met on the same hosts, by the same means, as everything else."""

from __future__ import annotations

from tests.hosts.conftest import Converge, Cook, converge, cook, target

__all__ = ["Converge", "Cook", "converge", "cook", "target"]
