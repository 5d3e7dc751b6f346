"""What a host is, byte for byte: to see whether something was changed, by no means of ours."""

from __future__ import annotations

from cookbook.kitchen import KitchenHost

_SCRIPT = r"""
cd /
# Logging in is written down by the host itself: journal, wtmp, lastlog.
find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run \
    -o -path ./var/log/journal -o -path ./tmp/systemd-private-\* \
    -o -path ./var/tmp/systemd-private-\* \) -prune -o \
    ! -path ./var/log/wtmp ! -path ./var/log/lastlog ! -path ./var/log/btmp \
    ! -path ./var/lib/systemd/timers/\* ! -path ./var/lib/systemd/random-seed \
    ! -path ./tmp ! -path ./var/tmp \
    -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
find etc usr/local srv home root opt var/lib/cook var/spool -xdev -type f -exec sha256sum {} + \
    2>/dev/null | sort
dpkg-query -W -f '${Package} ${Version} ${Status}\n'
systemctl list-unit-files --no-legend --no-pager
systemctl list-units --no-legend --no-pager --plain --type=service,timer,socket \
    | awk '$1 !~ /^user|^session|^run-|systemd-(tmpfiles|hostnamed|timedated)/ {print $1, $3, $4}'
nft list ruleset
getent passwd; getent shadow; getent group
"""


def manifest(host: KitchenHost) -> list[str]:
    """One line for each file, package, unit, firewall rule, user and group."""
    result = host.run(_SCRIPT, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def difference(before: list[str], after: list[str]) -> list[str]:
    """The lines that came or went."""
    gone, came = set(before) - set(after), set(after) - set(before)
    return [*(f"- {line}" for line in sorted(gone)), *(f"+ {line}" for line in sorted(came))]
