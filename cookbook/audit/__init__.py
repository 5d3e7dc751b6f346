r"""
Checks as code: the names for profiles of `cook audit`.

    from cookbook.audit import check, control
    from cookbook.resources import file

    with control("motd-01", title="Hosts have a notice", severity="low"):
        file("/etc/motd", content="Authorized use only.\n")
"""

from __future__ import annotations

from cookbook.audit.declaring import check, control

__all__ = ["check", "control"]
