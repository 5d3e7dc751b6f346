"""A host whose packet filter is one of the two tools, and who gets in."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cookbook.kitchen import KitchenHost


@dataclass(frozen=True)
class Walled:
    """A host, and which tool its rules are made by."""

    host: KitchenHost
    tool: str

    def run(self, command: str) -> str:
        said = self.host.run(command)
        assert said.returncode == 0, said.stderr
        return said.stdout

    @property
    def rules(self) -> str:
        """All there are, ours and others'."""
        if self.tool == "nftables":
            return self.run("nft list ruleset")
        return self.run("(iptables-save; ip6tables-save) | grep -E '^(-|:COOK|:THEIRS)' || :")

    @property
    def gateway(self) -> str:
        """The address by which it is reached."""
        return self.host.address.rpartition(".")[0] + ".1"

    def flush(self) -> None:
        if self.tool == "nftables":
            self.run("nft flush ruleset")
        else:
            self.run("iptables -F; iptables -X; ip6tables -F; ip6tables -X")

    def reach(self, port: int, *, six: bool = False) -> Literal["passes", "blocked"]:
        address = self.host.address6 if six else self.host.address
        try:
            socket.create_connection((address, port), timeout=0.7).close()
        except ConnectionRefusedError:
            return "passes"
        except TimeoutError:
            return "blocked"
        return "passes"
