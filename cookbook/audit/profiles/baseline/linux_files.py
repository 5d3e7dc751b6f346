"""Modes and owners of files of Linux hosts, and the options of their mounts."""

from cookbook.audit import check, control
from cookbook.audit.profiles.baseline._helpers import AS_ROOT

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
        " -perm /022 -type f",
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
        # A package may name a file with or without /usr, which is one place.
        command=AS_ROOT
        + "f=$(find /bin /sbin /lib /usr /opt /srv /home /root /tmp /var/tmp -xdev -maxdepth 6"
        " -type f -perm /6000 2>/dev/null);"
        " o=$(printf '%s\\n' \"$f\" | sed 'p; s:^/usr/:/:; t; s:^:/usr:'"
        " | xargs -d '\\n' -r dpkg-query -S 2>/dev/null | sed 's/^[^/]*: //');"
        " printf '%s\\n' \"$f\" | while read -r p; do"
        ' if [ -n "$p" ] && ! printf \'%s\\n\' "$o"'
        ' | grep -qxF -e "$p" -e "/usr$p" -e "${p#/usr}"; then echo "$p"; fi; done',
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
