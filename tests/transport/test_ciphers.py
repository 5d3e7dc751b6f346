"""Which ciphers are offered to a host, and in which order."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import paramiko
import pytest

from cookbook.transport.paramiko_ssh.client import Client
from cookbook.transport.target import Algorithms


@pytest.fixture
def client() -> Iterator[Client]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = Client(ours)
        yield client
        client.close()


def test_those_without_a_mac_come_first_and_none_is_left_out(client: Client) -> None:
    all_of_them = client.get_security_options().ciphers
    client.agree_on(Algorithms())
    offered = client.get_security_options().ciphers

    assert offered[:2] == ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
    assert offered[2] == "aes128-ctr"
    assert sorted(offered) == sorted(all_of_them)


def test_the_order_of_ssh_config_counts(client: Client) -> None:
    client.agree_on(Algorithms(ciphers=("aes256-ctr", "chacha20", "aes128-gcm@openssh.com")))

    assert client.get_security_options().ciphers == ("aes256-ctr", "aes128-gcm@openssh.com")


def test_none_in_common_is_an_error(client: Client) -> None:
    with pytest.raises(paramiko.SSHException, match="none of the ciphers chacha20"):
        client.agree_on(Algorithms(ciphers=("chacha20",)))
