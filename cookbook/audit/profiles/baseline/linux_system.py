"""Kernel, updates, time and services of Linux hosts."""

from cookbook.audit import check, control
from cookbook.audit.profiles.baseline._helpers import BY_SYSTEMD


def redirects(family: str) -> str:
    """Return the command that lists the interfaces that accept redirects; lo receives none."""
    return (
        f"cd /proc/sys/net/{family}/conf 2>/dev/null || exit 0;"
        " for i in *; do case $i in lo) continue ;; esac;"
        ' if [ -e "$i/disable_ipv6" ] && [ "$(cat "$i/disable_ipv6")" = 1 ]; then continue; fi;'
        ' v=$(cat "$i/accept_redirects") || exit; if [ "$v" != 0 ]; then echo "$i"; fi; done'
    )


# -- kernel ----------------------------------------------------------------------------------------

with control(
    "linux-kernel-01",
    title="Addresses are chosen at random",
    severity="high",
    rationale="Without ASLR an exploit knows where everything is.",
    remedy="sysctl kernel.randomize_va_space=2, and the same line in /etc/sysctl.d.",
    references=["sysctl.d(5)", "proc_sys_kernel(5)"],
):
    check("randomize_va_space", command="cat /proc/sys/kernel/randomize_va_space", least=2)

with control(
    "linux-kernel-02",
    title="Programs with the set-user-id bit leave no core dump",
    severity="medium",
    rationale="Their memory has what only root may read.",
    remedy="sysctl fs.suid_dumpable=0 (2 only with a handler that writes for root).",
    references=["core(5)", "proc_sys_fs(5)"],
):
    check("suid_dumpable", command="cat /proc/sys/fs/suid_dumpable", allowed=["0", "2"])

with control(
    "linux-kernel-03",
    title="Links in folders that all users can write are protected",
    severity="medium",
    rationale="They lead programs of root to files of others.",
    remedy="sysctl fs.protected_symlinks=1 fs.protected_hardlinks=1",
    references=["proc_sys_fs(5)"],
):
    check("symlinks", command="cat /proc/sys/fs/protected_symlinks", least=1)
    check("hardlinks", command="cat /proc/sys/fs/protected_hardlinks", least=1)

with control(
    "linux-kernel-04",
    title="ICMP redirects are not accepted",
    severity="medium",
    rationale="Another machine of the network could lead the traffic through itself.",
    remedy="sysctl net.ipv4.conf.all.accept_redirects=0, also for default and each interface, and"
    " the same for net.ipv6.",
    references=["ip-sysctl (kernel documentation)", "RFC 1122, 3.2.2.2"],
):
    check("ipv4", command=redirects("ipv4"), empty=True)
    check("ipv6", command=redirects("ipv6"), empty=True)

with control(
    "linux-kernel-05",
    title="Packets with a route of their own are not accepted",
    severity="medium",
    rationale="They get around filters.",
    remedy="sysctl net.ipv4.conf.all.accept_source_route=0, and default.",
    references=["ip-sysctl (kernel documentation)", "RFC 6274, 3.13.2"],
):
    check("all", command="cat /proc/sys/net/ipv4/conf/all/accept_source_route", allowed=["0"])
    check(
        "default", command="cat /proc/sys/net/ipv4/conf/default/accept_source_route", allowed=["0"]
    )

with control(
    "linux-kernel-06",
    title="Queues of connections are protected by SYN cookies",
    severity="medium",
    rationale="A flood of SYN packets fills the queue, and no client gets in.",
    remedy="sysctl net.ipv4.tcp_syncookies=1",
    references=["tcp(7)", "RFC 4987"],
):
    check("tcp_syncookies", command="cat /proc/sys/net/ipv4/tcp_syncookies", least=1)

with control(
    "linux-kernel-07",
    title="Pings to broadcast addresses are ignored",
    severity="low",
    rationale="The host would answer for a forged sender.",
    remedy="sysctl net.ipv4.icmp_echo_ignore_broadcasts=1",
    references=["icmp(7)", "RFC 2644"],
):
    check(
        "icmp_echo_ignore_broadcasts",
        command="cat /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts",
        least=1,
    )

with control(
    "linux-kernel-08",
    title="The log of the kernel is for root only",
    severity="low",
    rationale="It has addresses that help an exploit.",
    remedy="sysctl kernel.dmesg_restrict=1",
    references=["proc_sys_kernel(5)"],
    only_if="test -e /proc/sys/kernel/dmesg_restrict",
):
    check("dmesg_restrict", command="cat /proc/sys/kernel/dmesg_restrict", least=1)

with control(
    "linux-kernel-09",
    title="Users have no core dumps without a limit",
    severity="low",
    rationale="A dump has keys and passwords that were in memory.",
    remedy="Put `* hard core 0` into a file of /etc/security/limits.d, or let systemd-coredump keep"
    " them.",
    references=["core(5)", "limits.conf(5)"],
):
    check(
        "limits or a handler",
        command="cat /proc/sys/kernel/core_pattern; cat /etc/security/limits.conf"
        " /etc/security/limits.d/*.conf 2>/dev/null; :",
        matches=r"^\||^\s*\*\s+(hard|-)\s+core\s+0\b",
    )

# -- updates, time, services -----------------------------------------------------------------------

with control(
    "linux-update-01",
    title="Security updates are installed by themselves",
    severity="medium",
    rationale="Most break-ins use faults for which there is an update.",
    remedy='apt install unattended-upgrades, with APT::Periodic::Unattended-Upgrade "1".',
    references=["unattended-upgrade(8)", "apt.conf(5)"],
    only_if="command -v apt-config",
):
    check(
        "package",
        command="dpkg-query -W -f '${db:Status-Status}' unattended-upgrades | grep -x installed",
    )
    check(
        "APT::Periodic::Unattended-Upgrade",
        command="apt-config dump",
        value='^APT::Periodic::Unattended-Upgrade "(.*)";',
        lacks="^0?$",
    )

with control(
    "linux-update-02",
    title="Packages are only taken from signed archives",
    severity="high",
    rationale="Without a signature a machine in between decides what is installed as root.",
    remedy="Remove trusted=yes, allow-insecure=yes and AllowUnauthenticated; use signed-by.",
    references=["sources.list(5)", "apt-secure(8)"],
    only_if="command -v apt-config",
):
    check(
        "sources",
        command="cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; :",
        lacks=r"(?i)^[^#]*(trusted|allow-insecure)\s*[=:]\s*yes",
    )
    check(
        "options of apt",
        command="apt-config dump",
        lacks=r'(?i)^APT::Get::AllowUnauthenticated "(1|true|yes)"',
    )

with control(
    "linux-time-01",
    title="The clock is kept right by a service",
    severity="medium",
    rationale="Logs, certificates and tokens need the time.",
    remedy="apt install systemd-timesyncd (or chrony), and enable it.",
    references=["systemd-timesyncd.service(8)", "chronyd(8)"],
    only_if="command -v systemctl",
):
    check(
        "an enabled service",
        command=BY_SYSTEMD + "for u in systemd-timesyncd chrony chronyd ntpsec ntp openntpd; do"
        ' systemctl is-enabled "$u" 2>/dev/null; done; :',
        matches="^enabled$",
    )

with control(
    "linux-service-01",
    title="No service with passwords in the clear is installed",
    severity="high",
    rationale="telnet, rsh and tftp show passwords and files to the network.",
    remedy="apt purge telnetd rsh-server tftpd; use SSH.",
    references=["RFC 4949, cleartext"],
    only_if="command -v dpkg-query",
):
    check(
        "packages",
        # Status 1: dpkg does not know some of the names.
        command="p=$(dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'telnetd*'"
        " 'inetutils-telnetd' 'rsh-server' 'rsh-redone-server' 'tftpd*' 'atftpd' 'nis' 2>/dev/null)"
        " || [ $? = 1 ] || exit 2; printf '%s\\n' \"$p\" | sed -n 's/ installed$//p'",
        empty=True,
    )

with control(
    "linux-service-02",
    title="No service of files and names listens that is rarely meant",
    severity="medium",
    rationale="Each service that listens is one more thing to attack.",
    remedy="systemctl disable --now UNIT, or remove the package.",
    references=["systemctl(1)"],
    only_if="command -v systemctl",
):
    check(
        "units",
        command=BY_SYSTEMD
        + "for u in rpcbind.socket rpcbind.service avahi-daemon.service cups.service"
        " inetd.service xinetd.service openbsd-inetd.service snmpd.service; do"
        ' if [ "$(systemctl is-enabled "$u" 2>/dev/null)" = enabled ]; then echo "$u"; fi; done',
        empty=True,
    )

with control(
    "linux-service-03",
    title="Logs are kept by a service",
    severity="medium",
    rationale="Without a log nothing can be found out afterwards.",
    remedy="Enable systemd-journald, or install rsyslog.",
    references=["systemd-journald.service(8)"],
    only_if="command -v systemctl",
):
    check(
        "journald or rsyslog",
        command=BY_SYSTEMD + "systemctl is-active systemd-journald rsyslog; :",
        matches="^active$",
    )

with control(
    "linux-service-04",
    title="No unit has failed",
    severity="low",
    rationale="A failed unit may be the one that protects the host.",
    remedy="systemctl status UNIT says why; systemctl reset-failed after that.",
    references=["systemctl(1)"],
    only_if="command -v systemctl",
):
    check(
        "units",
        command="u=$(systemctl list-units --failed --no-legend --plain) || exit;"
        " printf '%s\\n' \"$u\" | cut -d' ' -f1",
        empty=True,
    )
