"""Accounts of Linux hosts, and their rights."""

from cookbook.audit import check, control
from cookbook.audit.profiles.baseline._helpers import AS_ROOT
from cookbook.resources import directory

SUDOERS = r"""
n=0; rules() ( n=$((n + 1)); [ $n -lt 128 ] || exit
for f; do cat "$f" || exit; echo
sed -n 's/^[[:blank:]]*[#@]\(include\|includedir\)[[:blank:]]\{1,\}"\{0,1\}/\1 /p' "$f" |
sed -n 's/^\([a-z]* [^"]*[^"[:blank:]]\).*/\1/p' |
while read -r k p; do
case $p in *%h*) p=${p%%\%h*}$(hostname -s)${p#*%h} ;; esac
case $p in /*) ;; *) p=${f%/*}/$p ;; esac
case $k in include) rules "$p" || exit ;; *) for q in "$p"/*; do case ${q##*/} in
*.*|*~) ;; *) if [ -f "$q" ]; then rules "$q" || exit; fi ;; esac; done ;; esac
done || exit; done )
rules /etc/sudoers
""".strip()
"""All rules of sudo, also of included files and folders; a depth of 128 is where sudo stops."""

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
    for what, field in (("numbers", 3), ("names", 1)):
        twice = f"awk -F: 'seen[${field}]++ == 1 {{ print ${field} }}' /etc/passwd"
        check(what, command=twice, empty=True)

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
        + "h=$(awk -F: '$3 >= 1000 && $3 < 60000 && $6 != \"/\" { print $6 }' /etc/passwd) || exit;"
        " printf '%s\\n' \"$h\" | while read -r d; do"
        ' if [ -d "$d" ]; then find "$d" -maxdepth 0 -perm /022; fi; done',
        empty=True,
    )

with control(
    "linux-account-10",
    title="No account in sudoers gets all rights without a password",
    severity="medium",
    rationale="A stolen session of such an account is a session of root. Accounts for automation"
    " need a waiver, which says who they are.",
    remedy="Remove NOPASSWD and !authenticate from /etc/sudoers and what it includes, or name the"
    " commands that NOPASSWD is for.",
    references=["sudoers(5)"],
    only_if="command -v sudo",
):
    check(
        "rules",
        # Without comments (#1000 is a user), and with one rule a line.
        command=f"c=$({SUDOERS}) || exit;"
        " printf '%s\\n' \"$c\" | sed 's/#[^0-9-].*//'"
        " | sed -e ':a' -e '/\\\\$/{N;s/\\\\\\n/ /;ba' -e '}'",
        lacks=r"\bNOPASSWD(?:(?!\bPASSWD:).)*[,:)]\s*ALL\s*(?:[,:]|$)"
        r"|^\s*Defaults\b.*!\s*authenticate\b",
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
