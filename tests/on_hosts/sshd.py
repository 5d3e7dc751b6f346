"""The configuration of a host's sshd, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cookbook.kitchen import KitchenHost

_CONF = "/etc/ssh/sshd_config.d/zz-test.conf"
"""After the kitchen's own: of `MaxStartups` the last one counts, of all else the first."""

_RESTART = """\
systemctl reset-failed ssh; systemctl stop ssh
for _ in $(seq 600); do [ -n "$(ss -ltnH 'sport = :22')" ] || break; sleep 0.1; done
systemctl start ssh || { journalctl -u ssh -n 20 --no-pager >&2; ss -ltnp >&2; exit 1; }
"""
"""
Unlike a reload, it has ended when sshd listens again. The sessions stay.

A process that sshd has just forked for a login holds the port until it has begun: it is waited for.
"""


def configure(host: KitchenHost, *lines: str) -> None:
    """Have sshd say these lines beside its own, instead of those of the last call."""
    text = "\n".join(lines)
    done = host.run(f"cat >{_CONF} <<'E'\n{text}\nE\nsshd -t || exit\n{_RESTART}")
    assert done.returncode == 0, done.stderr


def restore(host: KitchenHost) -> None:
    """Have sshd say what it said at first."""
    done = host.run(f"rm -f {_CONF}\n{_RESTART}")
    assert done.returncode == 0, done.stderr


@contextmanager
def configured(host: KitchenHost, *lines: str) -> Iterator[None]:
    """Have sshd say these lines for a while."""
    try:
        configure(host, *lines)
        yield
    finally:
        restore(host)
