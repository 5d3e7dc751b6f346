"""The SSH server, by the settings that it uses: sshd -T."""

from cookbook.audit import check, control

SSHD = "sshd -T 2>/dev/null || sshd -G"
"""The settings outside of Match blocks; -G also works while /run/sshd does not exist."""

INSTALLED = "command -v sshd"

with control(
    "ssh-01",
    title="Root cannot log in with a password",
    severity="high",
    rationale="The name root is known to all who guess passwords.",
    remedy="PermitRootLogin no (or prohibit-password) in /etc/ssh/sshd_config.",
    references=["sshd_config(5), PermitRootLogin"],
    only_if=INSTALLED,
):
    check(
        "PermitRootLogin",
        command=SSHD,
        value="^permitrootlogin (.*)$",
        allowed=["no", "without-password", "prohibit-password", "forced-commands-only"],
    )

with control(
    "ssh-02",
    title="Logins are by keys, not by passwords",
    severity="high",
    rationale="Passwords can be guessed, and a false server learns them.",
    remedy="PasswordAuthentication no and KbdInteractiveAuthentication no.",
    references=["sshd_config(5), PasswordAuthentication", "RFC 4252, 8"],
    only_if=INSTALLED,
):
    check(
        "PasswordAuthentication",
        command=SSHD,
        value="^passwordauthentication (.*)$",
        allowed=["no"],
    )
    check(
        "KbdInteractiveAuthentication",
        command=SSHD,
        value="^kbdinteractiveauthentication (.*)$",
        allowed=["no"],
    )

with control(
    "ssh-03",
    title="Empty passwords are refused",
    severity="high",
    rationale="An account without a password would be open to all.",
    remedy="PermitEmptyPasswords no",
    references=["sshd_config(5), PermitEmptyPasswords"],
    only_if=INSTALLED,
):
    check("PermitEmptyPasswords", command=SSHD, value="^permitemptypasswords (.*)$", allowed=["no"])

with control(
    "ssh-04",
    title="X11 is not forwarded",
    severity="medium",
    rationale="A host that is broken into can watch and type in the display of its clients.",
    remedy="X11Forwarding no",
    references=["sshd_config(5), X11Forwarding"],
    only_if=INSTALLED,
):
    check("X11Forwarding", command=SSHD, value="^x11forwarding (.*)$", allowed=["no"])

with control(
    "ssh-05",
    title="A connection has at most six tries to log in",
    severity="low",
    rationale="It slows down those who guess.",
    remedy="MaxAuthTries 6, or fewer",
    references=["sshd_config(5), MaxAuthTries"],
    only_if=INSTALLED,
):
    check("MaxAuthTries", command=SSHD, value="^maxauthtries (.*)$", most=6)

with control(
    "ssh-06",
    title="A login has at most two minutes",
    severity="low",
    rationale="Connections that do not log in take the places of those that would.",
    remedy="LoginGraceTime 120, or less, and not 0",
    references=["sshd_config(5), LoginGraceTime"],
    only_if=INSTALLED,
):
    check("LoginGraceTime", command=SSHD, value="^logingracetime (.*)$", least=1, most=120)

with control(
    "ssh-07",
    title="No broken cipher is offered",
    severity="high",
    rationale="arcfour and CBC modes let parts of the text be recovered; 3DES has short blocks.",
    remedy="Ciphers without cbc, arcfour, 3des and blowfish, or no Ciphers: the default has none.",
    references=["sshd_config(5), Ciphers", "RFC 8758"],
    only_if=INSTALLED,
):
    check(
        "Ciphers",
        command=SSHD,
        value="^ciphers (.*)$",
        split=",",
        lacks="cbc|arcfour|3des|blowfish",
    )

with control(
    "ssh-08",
    title="No message is authenticated by MD5 or a short tag",
    severity="medium",
    rationale="MD5 is broken, and tags of 64 or 96 bits can be guessed.",
    remedy="MACs without md5, -96 and umac-64; MACs -umac-64* takes these from the default",
    references=["sshd_config(5), MACs", "RFC 6151"],
    only_if=INSTALLED,
):
    check("MACs", command=SSHD, value="^macs (.*)$", split=",", lacks="md5|-96|ripemd|umac-64")

with control(
    "ssh-09",
    title="Keys are not exchanged in small groups or with SHA-1",
    severity="high",
    rationale="A group of 1024 bits can be broken by large organisations; SHA-1 has collisions.",
    remedy="KexAlgorithms without diffie-hellman-group1, -group14-sha1 and -group-exchange-sha1",
    references=["sshd_config(5), KexAlgorithms", "RFC 9142"],
    only_if=INSTALLED,
):
    check("KexAlgorithms", command=SSHD, value="^kexalgorithms (.*)$", split=",", lacks="sha1$")

with control(
    "ssh-10",
    title="Host keys are not DSA, and signatures are not SHA-1",
    severity="medium",
    rationale="DSA keys have 1024 bits; ssh-rsa signs a SHA-1 digest.",
    remedy="HostKeyAlgorithms without ssh-dss and ssh-rsa",
    references=["sshd_config(5), HostKeyAlgorithms", "RFC 8332"],
    only_if=INSTALLED,
):
    check(
        "HostKeyAlgorithms",
        command=SSHD,
        value="^hostkeyalgorithms (.*)$",
        split=",",
        lacks="^ssh-(dss|rsa)(-cert|$)",
    )

with control(
    "ssh-11",
    title="Trust by the name of a host is off",
    severity="high",
    rationale="A .rhosts file of a user would let in others without a password.",
    remedy="HostbasedAuthentication no, IgnoreRhosts yes",
    references=["sshd_config(5), HostbasedAuthentication"],
    only_if=INSTALLED,
):
    check(
        "HostbasedAuthentication",
        command=SSHD,
        value="^hostbasedauthentication (.*)$",
        allowed=["no"],
    )
    check("IgnoreRhosts", command=SSHD, value="^ignorerhosts (.*)$", allowed=["yes", "shosts-only"])

with control(
    "ssh-12",
    title="Users cannot set the environment of their session",
    severity="medium",
    rationale="LD_PRELOAD gets around a forced command.",
    remedy="PermitUserEnvironment no",
    references=["sshd_config(5), PermitUserEnvironment"],
    only_if=INSTALLED,
):
    check(
        "PermitUserEnvironment", command=SSHD, value="^permituserenvironment (.*)$", allowed=["no"]
    )

with control(
    "ssh-13",
    title="Logins are logged",
    severity="medium",
    rationale="The fingerprint of the key says afterwards who it was.",
    remedy="LogLevel INFO, or VERBOSE",
    references=["sshd_config(5), LogLevel"],
    only_if=INSTALLED,
):
    check("LogLevel", command=SSHD, value="^loglevel (.*)$", allowed=["INFO", "VERBOSE"])

with control(
    "ssh-14",
    title="Only root can write the configuration of the server",
    severity="high",
    rationale="It decides who may log in.",
    remedy="chmod go-w /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*",
    references=["sshd_config(5)"],
    only_if="test -d /etc/ssh",
):
    check(
        "files",
        command="find /etc/ssh -path '*config*' ! -type l \\( -perm /022 -o ! -user root \\)",
        empty=True,
    )

with control(
    "ssh-15",
    title="Modes of files are checked before keys are accepted",
    severity="medium",
    rationale="Keys in a file that others can write are keys of others.",
    remedy="StrictModes yes",
    references=["sshd_config(5), StrictModes"],
    only_if=INSTALLED,
):
    check("StrictModes", command=SSHD, value="^strictmodes (.*)$", allowed=["yes"])
