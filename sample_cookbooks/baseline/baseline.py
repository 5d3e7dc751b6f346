"""A host before anything runs on it: accounts, ssh, kernel, time, updates, firewall, watchers."""

from cookbook.recipe import delayed, node, tagged
from cookbook.resources import (
    authorized_key,
    env_var,
    file,
    firewall_rule,
    group,
    hosts_entry,
    kernel_module,
    locale,
    logrotate,
    ntp,
    package,
    service,
    sudo,
    swap_file,
    sysctl,
    timezone,
    user,
    user_ulimit,
)

ADMINS = node.vars.get(
    "admins",
    {"ann": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAp8MNLYnyWlPlR2LBBiuHrCDTFt1j4s8aQ1sMDT0hvl ann"},
)
SSHD = """\
PasswordAuthentication no
PermitRootLogin prohibit-password
X11Forwarding no
MaxAuthTries 4
"""
DAILY = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
"""
JAIL = """\
[sshd]
enabled = true
backend = systemd
banaction = nftables-multiport
"""

with tagged("accounts"):
    for name, key in ADMINS.items():
        user(name, shell="/bin/bash", manage_home=True)
        authorized_key(f"key of {name}", user=name, key=key)
    group("operators", members=list(ADMINS), append=True)
    sudo("operators", groups="operators", nopasswd=True)
    user_ulimit("*", core_hard_limit=0)

with tagged("ssh"):
    file(
        "/etc/ssh/sshd_config.d/50-baseline.conf",
        content=SSHD,
        mode="0644",
        notifies=[delayed("reload", "service[ssh]")],
    )
    service("ssh", action=["enable", "start"])

with tagged("kernel"):
    package("kmod")
    kernel_module("dccp", action="blacklist")
    for parameter, value in {
        "net.ipv4.tcp_syncookies": 1,
        "net.ipv4.conf.all.send_redirects": 0,
        "net.ipv4.conf.default.send_redirects": 0,
    }.items():
        sysctl(parameter, value=value)
    if size := node.vars.get("swap_megabytes", 0):
        swap_file("/swapfile", size=size, persist=True)

with tagged("time"):
    package("systemd-timesyncd")
    timezone(node.vars.get("timezone", "Europe/Berlin"))
    ntp("site", servers=node.vars.get("ntp_servers", ["0.debian.pool.ntp.org"]))
    locale("system", lang="C.UTF-8")

with tagged("updates"):
    package("unattended-upgrades")
    file("/etc/apt/apt.conf.d/52baseline", content=DAILY, mode="0644")
    if proxy := node.vars.get("http_proxy"):
        env_var("http_proxy", value=proxy)

with tagged("network"):
    for name, address in node.vars.get("neighbours", {"repo.internal": "192.0.2.10"}).items():
        hosts_entry(name, ip=address)
    firewall_rule("ssh", port=22)

with tagged("watch"):
    package("logrotate")
    logrotate("site", path="/var/log/site/*.log", frequency="weekly", rotate=8, options="missingok")
    package("fail2ban", notifies=[delayed("restart", "service[fail2ban]")])
    package("python3-systemd")
    file(
        "/etc/fail2ban/jail.d/sshd.local",
        content=JAIL,
        mode="0644",
        notifies=[delayed("restart", "service[fail2ban]")],
    )
    service("fail2ban", action=["enable", "start"])
