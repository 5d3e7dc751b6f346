"""
What a way back leaves on a host, for who comes after a run that was killed: see cookbook.rescue.

Whoever has logged in and holds the lock has shown that it can be done: a timer that still runs
is stopped, one that has fired is waited for, and nothing of either stays.
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
"""Has the system go back when it starts: a timer of systemd's does not outlive a reboot."""

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
