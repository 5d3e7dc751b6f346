"""paramiko's Transport, with a say in which key the host shows and what is agreed on."""

from __future__ import annotations

import socket
from typing import Any

import paramiko
from paramiko.message import Message

from cookbook.transport.target import CERTIFICATE, Algorithms


class Client(paramiko.Transport):
    """
    The client side of a connection.

    `shown` is the key or certificate of the host; `exchanges` are the key exchanges that it offers.
    """

    def __init__(self, sock: socket.socket | paramiko.Channel) -> None:
        super().__init__(sock)
        self.shown = b""
        self.exchanges: tuple[str, ...] = ()
        self._wanted: tuple[str, ...] = ()
        self._preferred_pubkeys: tuple[str, ...]

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """The types of host keys to ask for; paramiko would put all certificates last."""
        return self._wanted or tuple(super().preferred_keys)

    @property
    def may_come_again(self) -> bool:
        """Return True if the connection ended before any message was answered."""
        return self.host_key_type is None

    def prefer(self, wanted: list[str], allowed: tuple[str, ...], *, certified: bool) -> None:
        """
        Ask for a key of these types first, but for none that is not allowed.

        `certified` asks for a certificate before any key.
        """
        plain = [*dict.fromkeys([*wanted, *self.get_security_options().key_types])]
        certificates = [f"{name}{CERTIFICATE}" for name in plain]
        order = [*certificates, *plain] if certified else [*plain, *certificates]
        self._wanted = tuple(name for name in order if not allowed or name in allowed)

    def agree_on(self, algorithms: Algorithms) -> None:
        """
        Offer these algorithms alone, in their order, as far as paramiko knows them.

        Without a choice of ciphers those come first that need no MAC: paramiko compares a MAC byte
        by byte, in Python. Raises SSHException where it knows none.
        """
        options = self.get_security_options()
        for kind, names in (
            ("ciphers", algorithms.ciphers or sorted(options.ciphers, key=_needs_mac)),
            ("digests", algorithms.macs),
            ("kex", algorithms.kex),
        ):
            mine = getattr(options, kind)
            if shared := tuple(name for name in names if name in mine):
                setattr(options, kind, shared)
            elif names:
                raise paramiko.SSHException(f"paramiko has none of the {kind} {', '.join(names)}")
        if algorithms.user_key:
            self._preferred_pubkeys = tuple(
                name for name in self._preferred_pubkeys if name in algorithms.user_key
            )

    def _really_parse_kex_init(self, m: Message, *, ignore_first_byte: bool = False) -> Any:
        parsed = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        if not ignore_first_byte:  # then it is the message that was sent
            marks = ("kex-strict-", "ext-info-")  # these say what a host can do besides
            names = parsed["kex_algo_list"]
            self.exchanges = tuple(name for name in names if not name.startswith(marks))
        return parsed

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        super()._verify_key(host_key, sig)  # type: ignore[misc]  # paramiko's, not in its stubs
        self.shown = host_key


def _needs_mac(cipher: str) -> bool:
    return "-gcm@" not in cipher
