"""Accounts, files, kernel and services of Linux hosts."""

from cookbook.audit import check, control
from cookbook.resources import directory

AS_ROOT = 'test "$(id -u)" = 0 || { echo "only root sees all of it" >&2; exit 77; }; '
"""The begin of commands that would find too little with the rights of another user."""

# -- accounts --------------------------------------------------------------------------------------

with control(
    "linux-account-01",
    title="No account has an empty password",
    severity="high",
    rationale="An empty second field in shadow(5) lets the account in without a password.",
    remedy="Lock the account (passwd -l NAME), or set a password.",
    references=["shadow(5)"],
):
    check("accounts", command="awk -F: '$2 == \"\" { print $1 }' /etc/shadow", empty=True)

with control(
    "linux-account-02",
    title="Only root has the user id 0",
    severity="high",
    rationale="The kernel knows users by number: each account with 0 is the superuser.",
    remedy="Give the account a number of its own (usermod -u), or remove it; sudo(8) gives rights.",
    references=["passwd(5)", "credentials(7)"],
):
    check(
        "accounts",
        command="awk -F: '$3 == 0 && $1 != \"root\" { print $1 }' /etc/passwd",
        empty=True,
    )

with control(
    "linux-account-03",
    title="Passwords are in shadow, not in passwd",
    severity="high",
    rationale="All users can read /etc/passwd; a hash in it can be guessed offline.",
    remedy="Run pwconv(8).",
    references=["passwd(5)", "pwconv(8)"],
):
    check("accounts", command="awk -F: '$2 != \"x\" { print $1 }' /etc/passwd", empty=True)

with control(
    "linux-account-04",
    title="No two accounts have the same number or name",
    severity="medium",
    rationale="Accounts with one number own each other's files, and logs cannot tell them apart.",
    remedy="Give each account a number of its own (usermod -u).",
    references=["passwd(5)"],
):
    check("numbers", command="cut -d: -f3 /etc/passwd | sort | uniq -d", empty=True)
    check("names", command="cut -d: -f1 /etc/passwd | sort | uniq -d", empty=True)

with control(
    "linux-account-05",
    title="System accounts have no login shell",
    severity="medium",
    rationale="An account of a service that can log in is one more way in.",
    remedy="usermod -s /usr/sbin/nologin NAME",
    references=["nologin(8)", "login.defs(5)"],
):
    check(
        "accounts",
        command="awk -F: '$3 > 0 && $3 < 1000 && $7 !~ /(nologin|false|sync|shutdown|halt)$/"
        ' && $1 != "postgres" { print $1 " has " $7 }\' /etc/passwd',
        empty=True,
    )

with control(
    "linux-account-06",
    title="Passwords are hashed by yescrypt or SHA-512",
    severity="high",
    rationale="DES and MD5 are guessed billions of times a second.",
    remedy="Set ENCRYPT_METHOD YESCRYPT in /etc/login.defs, and have the passwords set anew.",
    references=["crypt(5)", "login.defs(5)"],
):
    check(
        "accounts",
        command='awk -F: \'$2 !~ /^[!*]*$/ && $2 !~ /^!*[$](y|gy|7|2[aby]|6)[$]/ && $2 != ""'
        " { print $1 }' /etc/shadow",
        empty=True,
    )

with control(
    "linux-account-07",
    title="The default umask lets others write nothing",
    severity="low",
    rationale="Files of daemons and users get their mode from it.",
    remedy="Set UMASK 022 (or 027, 077) in /etc/login.defs.",
    references=["login.defs(5)", "umask(2)"],
):
    check(
        "UMASK of /etc/login.defs",
        command="cat /etc/login.defs",
        value=r"^UMASK\s+(\S+)",
        allowed=["022", "027", "077", "0022", "0027", "0077"],
    )

with control(
    "linux-account-08",
    title="The home of root is closed to others",
    severity="medium",
    rationale="It has keys, histories and configuration of the superuser.",
    remedy="chmod 0700 /root",
    references=["chmod(1)"],
):
    directory("/root", owner="root", mode="0700")

with control(
    "linux-account-09",
    title="Homes of users cannot be written by others",
    severity="medium",
    rationale="A file such as .profile or .ssh/authorized_keys can be put into such a home.",
    remedy="chmod go-w HOME",
    references=["chmod(1)", "sshd(8)"],
):
    check(
        "homes",
        command=AS_ROOT
        + "awk -F: '$3 >= 1000 && $3 < 60000 && $6 != \"/\" { print $6 }' /etc/passwd |"
        ' while read -r d; do if [ -d "$d" ]; then find "$d" -maxdepth 0 -perm /022; fi; done',
        empty=True,
    )

with control(
    "linux-account-10",
    title="No account in sudoers gets all rights without a password",
    severity="medium",
    rationale="A stolen session of such an account is a session of root. Accounts for automation"
    " need a waiver, which says who they are.",
    remedy="Remove NOPASSWD from /etc/sudoers and /etc/sudoers.d, or name the commands it is for.",
    references=["sudoers(5)"],
    only_if="command -v sudo",
):
    check(
        "rules",
        command="cat /etc/sudoers && for f in /etc/sudoers.d/*; do case ${f##*/} in *.*|*~) ;;"
        ' *) if [ -f "$f" ]; then cat "$f" || exit; fi ;; esac; done',
        lacks=r"^[^#]*NOPASSWD:\s*(SETENV:\s*)?ALL\b",
    )

with control(
    "linux-account-11",
    title="The file of sudo rules is correct, and only root can write it",
    severity="high",
    rationale="With a syntax error sudo refuses all; a rule that others can write makes them root.",
    remedy="visudo -c names the line; chmod 0440 /etc/sudoers /etc/sudoers.d/*",
    references=["visudo(8)", "sudoers(5)"],
    only_if="command -v sudo",
):
    check("visudo", command="visudo -c")
    check("modes", command="find /etc/sudoers /etc/sudoers.d -type f -perm /022", empty=True)

# -- files -----------------------------------------------------------------------------------------

with control(
    "linux-file-01",
    title="Password databases cannot be read or written by others",
    severity="high",
    rationale="Hashes of passwords can be guessed offline by all who can read them.",
    remedy="chmod 0640 /etc/shadow /etc/gshadow; chown root:shadow /etc/shadow /etc/gshadow",
    references=["shadow(5)"],
):
    check(
        "modes",
        command="find /etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- -perm /037"
        " -printf '%p has mode %m\\n' 2>/dev/null; test -f /etc/shadow",
        empty=True,
    )
    check("owner", command="stat -c %U /etc/shadow", allowed=["root"])

with control(
    "linux-file-02",
    title="Only root can write the tables of users and groups",
    severity="high",
    rationale="Who can write them can become any user.",
    remedy="chmod 0644 /etc/passwd /etc/group; chown root:root /etc/passwd /etc/group",
    references=["passwd(5)", "group(5)"],
):
    check("modes", command="find /etc/passwd /etc/group -perm /022", empty=True)
    check("owners", command="stat -c %U /etc/passwd /etc/group", allowed=["root"])

with control(
    "linux-file-03",
    title="No file in /etc can be written by all users",
    severity="high",
    rationale="Configuration that all users can write is theirs to decide.",
    remedy="chmod o-w FILE",
    references=["chmod(1)"],
):
    check("files", command="find /etc -xdev -type f -perm -0002", empty=True)

with control(
    "linux-file-04",
    title="No program in the paths of the system can be written by others",
    severity="high",
    rationale="Root runs these programs.",
    remedy="chmod go-w FILE",
    references=["chmod(1)"],
):
    check(
        "files",
        command="find -L /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin -maxdepth 1"
        " -perm /022 ! -path '/usr/local/*bin' -type f",
        empty=True,
    )

with control(
    "linux-file-05",
    title="Folders that all users can write have the sticky bit",
    severity="medium",
    rationale="Without it each user can remove and replace the files of the others.",
    remedy="chmod +t FOLDER",
    references=["chmod(1)"],
):
    check(
        "folders",
        command="find /tmp /var/tmp /var/spool /srv /opt -xdev -maxdepth 3 -type d"
        " -perm -0002 ! -perm -1000",
        empty=True,
    )

with control(
    "linux-file-06",
    title="Tables of cron belong to root, and others cannot write them",
    severity="high",
    rationale="Root runs the commands in them.",
    remedy="chmod go-w FILE; chown root:root FILE",
    references=["crontab(5)", "cron(8)"],
    only_if="test -e /etc/crontab || test -d /etc/cron.d",
):
    check(
        "files",
        command="for p in /etc/crontab /etc/cron.d /etc/cron.hourly /etc/cron.daily"
        ' /etc/cron.weekly /etc/cron.monthly; do if [ -e "$p" ]; then'
        ' find "$p" \\( -perm /022 -o ! -user root \\) ! -type l; fi; done',
        empty=True,
    )

with control(
    "linux-file-07",
    title="Private host keys of SSH can be read by root only",
    severity="high",
    rationale="Who has the key can pretend to be this host.",
    remedy="chmod 0600 /etc/ssh/ssh_host_*_key",
    references=["sshd(8)"],
    only_if="ls /etc/ssh/ssh_host_*_key",
):
    check(
        "keys",
        command="find /etc/ssh -name 'ssh_host_*_key' \\( -perm /077 -o ! -user root \\)",
        empty=True,
    )

with control(
    "linux-file-08",
    title="Private keys of users can be read by their owners only",
    severity="high",
    rationale="A private key is as good as the password of all accounts that accept it.",
    remedy="chmod 0600 FILE",
    references=["ssh-keygen(1)"],
):
    check(
        "keys",
        command=AS_ROOT + "find /root/.ssh /home/*/.ssh -maxdepth 1 -name 'id_*' ! -name '*.pub'"
        " -perm /077 2>/dev/null; :",
        empty=True,
    )

with control(
    "linux-file-09",
    title="authorized_keys of root and users cannot be written by others",
    severity="high",
    rationale="Who can write the file can log in as its owner.",
    remedy="chmod go-w FILE",
    references=["sshd(8), AUTHORIZED_KEYS"],
):
    check(
        "files",
        command=AS_ROOT + "find /root/.ssh /home/*/.ssh -maxdepth 1 -name 'authorized_keys*'"
        " -perm /022 2>/dev/null; :",
        empty=True,
    )

with control(
    "linux-file-10",
    title="Programs with the set-user-id bit belong to packages",
    severity="medium",
    rationale="Such a program runs as its owner; one that no package owns has no updates.",
    remedy="chmod u-s FILE, or remove it.",
    references=["dpkg-query(1)", "chmod(1)"],
    only_if="command -v dpkg-query",
):
    check(
        "files",
        command=AS_ROOT
        + "find /usr/local /opt /srv /home /root /tmp /var/tmp -xdev -maxdepth 6 -type f"
        " -perm /6000 2>/dev/null; :",
        empty=True,
    )

# -- mounts ----------------------------------------------------------------------------------------

with control(
    "linux-mount-01",
    title="/dev/shm is mounted with nosuid and nodev",
    severity="medium",
    rationale="All users can write there.",
    remedy="Add nosuid,nodev to its options in /etc/fstab, and mount -o remount /dev/shm.",
    references=["mount(8)", "shm_overview(7)"],
    only_if="findmnt -n /dev/shm",
):
    check("nosuid", command="findmnt -n -o OPTIONS /dev/shm", split=",", matches="^nosuid$")
    check("nodev", command="findmnt -n -o OPTIONS /dev/shm", split=",", matches="^nodev$")

with control(
    "linux-mount-02",
    title="A file system of its own at /tmp is mounted with nosuid and nodev",
    severity="medium",
    rationale="All users can write there.",
    remedy="Add nosuid,nodev to its options in /etc/fstab or tmp.mount.",
    references=["mount(8)"],
    only_if="findmnt -n /tmp",
):
    check("nosuid", command="findmnt -n -o OPTIONS /tmp", split=",", matches="^nosuid$")
    check("nodev", command="findmnt -n -o OPTIONS /tmp", split=",", matches="^nodev$")

with control(
    "linux-mount-03",
    title="A file system of its own at /home is mounted with nosuid and nodev",
    severity="low",
    rationale="Users have no need of devices and set-user-id programs there.",
    remedy="Add nosuid,nodev to its options in /etc/fstab.",
    references=["mount(8)"],
    only_if="findmnt -n /home",
):
    check("nosuid", command="findmnt -n -o OPTIONS /home", split=",", matches="^nosuid$")
    check("nodev", command="findmnt -n -o OPTIONS /home", split=",", matches="^nodev$")

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
    remedy="sysctl net.ipv4.conf.all.accept_redirects=0, and default, and net.ipv6.conf.all.",
    references=["ip-sysctl (kernel documentation)", "RFC 1122, 3.2.2.2"],
):
    check("ipv4 all", command="cat /proc/sys/net/ipv4/conf/all/accept_redirects", allowed=["0"])
    check(
        "ipv4 default",
        command="cat /proc/sys/net/ipv4/conf/default/accept_redirects",
        allowed=["0"],
    )

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
        command="for u in systemd-timesyncd chrony chronyd ntpsec ntp openntpd; do"
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
        command="dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'telnetd*'"
        " 'inetutils-telnetd' 'rsh-server' 'rsh-redone-server' 'tftpd*' 'atftpd' 'nis' 2>/dev/null"
        " | sed -n 's/ installed$//p'",
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
        command="for u in rpcbind.socket rpcbind.service avahi-daemon.service cups.service"
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
        command="systemctl is-active systemd-journald || systemctl is-active rsyslog",
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
        command="systemctl list-units --failed --no-legend --plain | cut -d' ' -f1",
        empty=True,
    )
