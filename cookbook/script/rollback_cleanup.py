"""
The removal of auto-rollback timers that a killed run left on a host.

A run that logs in and holds the lock has proved that login works. So it stops a timer that is
still running, waits for one that has fired, and removes the files of both.
"""

from __future__ import annotations

_UNITS = "/etc/systemd/system"

AT_BOOT = (
    f"b=cook-rescue-boot-$id.service; printf '%s\\n' '[Unit]' 'Description=Go back, for cook'"
    " '[Service]' Type=oneshot TimeoutStartSec=120"
    f' "ExecStart=/bin/sh $r/run" 2>/dev/null >{_UNITS}/$b &&'
    f" mkdir -p {_UNITS}/multi-user.target.wants &&"
    f" ln -s ../$b {_UNITS}/multi-user.target.wants/$b 2>/dev/null\n"
)
"""Enable the rollback at system start, because a timer of systemd does not survive a reboot."""

NOT_AT_BOOT = (
    f"rm -f {_UNITS}/cook-rescue-boot-$id.service"
    f" {_UNITS}/multi-user.target.wants/cook-rescue-boot-$id.service 2>/dev/null\n"
)

FUNCTIONS = f"""\
cook_settle() {{
for r in "$cook_home"/rescue/*; do
[ -d "$r" ] || continue
id=${{r##*/}} n=0
mv -- "$r/armed" "$r/well" 2>/dev/null ||
while [ -e "$r/fired" ] && [ ! -e "$r/done" ] && [ $n -lt 30 ]; do sleep 1; n=$((n + 1)); done
systemctl stop "cook-rescue-$id.timer"
{NOT_AT_BOOT}rm -rf -- "$r"; rmdir -- "$cook_home/rescue"
done; }}
"""
"""Define `cook_settle`."""
