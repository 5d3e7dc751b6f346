"""The unit that loads the firewall rules of cook at boot, and with the packet filter."""

from __future__ import annotations

from collections.abc import Sequence

from cookbook.provider import Command, join, script, sh

UNIT = "cook-firewall.service"
FOLDER = "/etc/cook"

_LOADERS = ("nftables.service", "netfilter-persistent.service", "iptables.service", "ufw.service")
"""Units that flush the rules of others when they start or stop: cook's are loaded at their end."""

_UNITS = "/etc/systemd/system"
_DROP_INS = tuple(f"{_UNITS}/{unit}.d/cook.conf" for unit in _LOADERS)
_INSTALLED = (f"{_UNITS}/sysinit.target.wants/{UNIT}", *_DROP_INS)
"""Links and files that exist if the rules are loaded at boot, and with the packet filter."""

_IS_INSTALLED = " && ".join(f"[ -e {path} ]" for path in _INSTALLED)

BOOT_STATE = f"""\
boot=1; [ ! -d /run/systemd/system ] || {{ {_IS_INSTALLED}; }} || boot=0
"""


def install_unit(starts: Sequence[str]) -> Command:
    """
    Return the command that enables a unit which loads the rules before the network is up.

    Drop-ins load them also at the end of each start and reload of a unit that flushes all rules
    (`_LOADERS`): no packet passes that they deny.
    """
    text = f"""\
[Unit]
Description=Firewall rules set by cook
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After={" ".join(_LOADERS)}
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
{_lines("ExecStart", starts)}\
{_lines("ExecReload", starts)}
[Install]
WantedBy=sysinit.target
"""
    # A dash: the packet filter itself starts though cook's rules cannot be loaded.
    loads = [f"-{start}" for start in starts]
    drop_in = f"[Service]\n{_lines('ExecStartPost', loads)}{_lines('ExecReload', loads)}"
    add = [
        sh("mkdir -p -m 755 {} && printf %s {} >{}", path.rpartition("/")[0], drop_in, path)
        for path in _DROP_INS
    ]
    # `enable` has systemd read all files again, the drop-ins as well: systemctl(1).
    return sh(
        "if [ -d /run/systemd/system ] && ! { {}; }; then {} && printf %s {} >{} &&"
        " systemctl --quiet enable --now {}; fi",
        script(_IS_INSTALLED),
        join(add, " && "),
        text,
        f"{_UNITS}/{UNIT}",
        UNIT,
    )


def _lines(name: str, commands: Sequence[str]) -> str:
    return "".join(f"{name}={command}\n" for command in commands)


REMOVE_UNIT = sh(
    "[ ! -e {} ] || { systemctl --quiet disable --now {}; rm -f -- {} {};"
    " rmdir -- {} 2>/dev/null; systemctl daemon-reload; }; rmdir -- {} 2>/dev/null || :",
    f"{_UNITS}/{UNIT}",
    UNIT,
    f"{_UNITS}/{UNIT}",
    _DROP_INS,
    [path.rpartition("/")[0] for path in _DROP_INS],
    FOLDER,
)
