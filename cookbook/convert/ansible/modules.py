"""Ansible's modules, and the resource type of each: parameters, and the actions of its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Module:
    """The counterpart of a module."""

    type: str
    name: Sequence[str] = ("name",)
    """The parameters that name the thing; the first that is given counts."""

    properties: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> property."""

    actions: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    """Value of `state` -> action, or actions."""

    state: str = "present"
    """The value of `state` if none is given."""

    needless: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    """Parameters without a counterpart that need none -> the values (as text, in small letters) for
    which that is so; None: any value."""

    fixed: Mapping[str, object] = field(default_factory=dict)
    """Properties that have another default than the module."""

    title: bool = False
    """True if the name of the resource is only a title: that of the task is taken."""


_OWNED = {"owner": "owner", "group": "group", "mode": "mode"}
_FALSE = ("no", "false", "off")
_TRUE = ("yes", "true", "on")
_ADD = {"present": "create", "absent": "delete"}
_CREATE_DROP = {"present": "create", "absent": "drop"}

MODULES: Mapping[str, Module] = {
    "acl": Module("acl", ("path", "name"), {"entries": "entries"}, {"present": "create"}),
    "at": Module("at", ("command",), {"command": "command"}, _ADD),
    "authorized_key": Module(
        "authorized_key",
        ("user",),
        {
            "user": "user",
            "key": "key",
            "key_options": "key_options",
            "path": "path",
            "manage_dir": "manage_dir",
            "exclusive": "exclusive",
        },
        {"present": "create", "absent": "remove"},
        needless={"validate_certs": None},
        title=True,
    ),
    "cron": Module(
        "cron",
        ("name",),
        {
            "job": "command",
            "minute": "minute",
            "hour": "hour",
            "day": "day",
            "month": "month",
            "weekday": "weekday",
            "user": "user",
            "special_time": "time",
        },
        _ADD,
        needless={"backup": None, "disabled": _FALSE, "env": _FALSE},
    ),
    "debconf": Module(
        "debconf_selection",
        ("question",),
        {"name": "owner", "vtype": "type", "value": "value"},
        {"present": "set"},
    ),
    "deb822_repository": Module(
        "apt_repository",
        ("name",),
        {
            "uris": "uri",
            "suites": "distribution",
            "components": "components",
            "architectures": "arch",
            "signed_by": "key",
            "trusted": "trusted",
        },
        {"present": "add", "absent": "remove"},
        needless={"types": ("deb",), "enabled": _TRUE, "mode": ("0644", "420")},
    ),
    "docker_network": Module(
        "docker_network",
        ("name",),
        {"driver": "driver", "internal": "internal", "attachable": "attachable"},
        _ADD,
    ),
    "docker_volume": Module(
        "docker_volume", ("name", "volume_name"), {"driver": "driver", "labels": "labels"}, _ADD
    ),
    "gem": Module(
        "gem_package",
        ("name",),
        {"version": "version", "executable": "gem_binary"},
        {"present": "install", "latest": "upgrade", "absent": "remove"},
        needless={"user_install": _FALSE, "include_dependencies": _TRUE},
    ),
    "git": Module(
        "git",
        ("dest",),
        {"repo": "repository", "version": "revision", "depth": "depth", "bare": "bare"},
        {},
        needless={"accept_hostkey": _FALSE, "update": _TRUE, "clone": _TRUE},
    ),
    "group": Module(
        "group",
        ("name",),
        {"gid": "gid", "system": "system", "non_unique": "non_unique"},
        {"present": "create", "absent": "remove"},
        needless={"local": None},
    ),
    "hostname": Module("hostname", ("name",), needless={"use": None}, fixed={"ipaddress": None}),
    "htpasswd": Module(
        "htpasswd",
        ("name", "username"),
        {"path": "path", "dest": "path", "password": "password", "group": "group", "mode": "mode"},
        _ADD,
        needless={"owner": ("root",), "create": _TRUE, "crypt_scheme": ("bcrypt",)},
    ),
    "ini_file": Module(
        "config_value",
        ("option",),
        {"path": "path", "dest": "path", "section": "section", "value": "value"},
        {"present": "set", "absent": "unset"},
        needless={
            "backup": None,
            "no_extra_spaces": None,
            "allow_no_value": _FALSE,
        },
        fixed={"format": "ini"},
    ),
    "locale_gen": Module("locale", ("name",), {"name": "generate"}, {"present": "update"}),
    "modprobe": Module(
        "kernel_module",
        ("name",),
        {"params": "options"},
        {"present": "load", "absent": "unload"},
        needless={"persistent": ("disabled",)},
    ),
    "mount": Module(
        "mount",
        ("path", "name"),
        {
            "src": "device",
            "fstype": "fstype",
            "opts": "options",
            "dump": "dump",
            "passno": "passno",
        },
        {
            "mounted": ("mount", "enable"),
            "present": "enable",
            "absent": ("umount", "disable"),
            "unmounted": "umount",
            "remounted": "remount",
        },
        needless={"boot": _TRUE, "backup": None},
    ),
    "mysql_db": Module(
        "mysql_database",
        ("name",),
        {"encoding": "charset", "collation": "collation"},
        _CREATE_DROP,
        needless=dict.fromkeys(("login_unix_socket", "config_file")),
    ),
    "npm": Module(
        "npm_package",
        ("name",),
        {"version": "version", "registry": "registry"},
        {"present": "install", "latest": "upgrade", "absent": "remove"},
        needless={"global": _TRUE},
    ),
    "pip": Module(
        "pip_package",
        ("name",),
        {"version": "version", "virtualenv": "venv"},
        {"present": "install", "latest": "upgrade", "absent": "remove"},
    ),
    "postgresql_db": Module(
        "postgresql_database",
        ("name", "db"),
        {
            "owner": "owner",
            "encoding": "encoding",
            "lc_collate": "lc_collate",
            "lc_ctype": "lc_ctype",
            "template": "template",
            "conn_limit": "connection_limit",
            "port": "port",
        },
        _CREATE_DROP,
        needless={"login_user": ("postgres",), "login_unix_socket": None},
    ),
    "postgresql_ext": Module(
        "postgresql_extension",
        ("name", "ext"),
        {"db": "database", "login_db": "database", "schema": "schema", "cascade": "cascade"},
        _CREATE_DROP,
        needless={"login_user": ("postgres",)},
    ),
    "reboot": Module(
        "reboot",
        (),
        {"reboot_timeout": "timeout", "msg": "reason"},
        needless={"connect_timeout": None, "post_reboot_delay": None, "pre_reboot_delay": ("0",)},
        fixed={"action": "reboot_now"},
        title=True,
    ),
    "replace": Module(
        "replace",
        (),
        {
            "path": "path",
            "dest": "path",
            "name": "path",
            "regexp": "pattern",
            "replace": "replacement",
        },
        needless={"backup": None},
        title=True,
    ),
    "subversion": Module(
        "subversion",
        ("dest",),
        {
            "repo": "repository",
            "revision": "revision",
            "username": "username",
            "password": "password",
        },
        needless={"update": _TRUE, "checkout": _TRUE},
    ),
    "sysctl": Module(
        "sysctl",
        ("name", "key"),
        {"value": "value", "ignoreerrors": "ignore_error"},
        {"present": "apply", "absent": "remove"},
        needless={"reload": _TRUE, "sysctl_set": None},
    ),
    "timezone": Module("timezone", ("name",), needless={"hwclock": ("utc",)}),
    "unarchive": Module(
        "archive_file",
        ("src",),
        {"src": "source", "dest": "destination", **_OWNED},
        needless={"keep_newer": _FALSE, "list_files": None},
    ),
    "yum_repository": Module(
        "yum_repository",
        ("name",),
        {
            **{
                name: name
                for name in (
                    *("description", "baseurl", "mirrorlist", "metalink", "enabled", "gpgcheck"),
                    *("gpgkey", "repo_gpgcheck", "priority", "cost", "exclude", "includepkgs"),
                    *("metadata_expire", "module_hotfixes", "skip_if_unavailable", "proxy"),
                    *("proxy_username", "proxy_password", "username", "password", "sslverify"),
                    *("sslcacert", "sslclientcert", "sslclientkey", "timeout", "throttle", "mode"),
                )
            },
            "retries": "max_retries",
        },
        {"present": "create", "absent": "remove"},
    ),
    "wait_for": Module(
        "wait_for",
        (),
        {"port": "port", "host": "host", "path": "path", "timeout": "timeout", "sleep": "interval"},
        needless={"delay": None, "connect_timeout": None, "state": ("started", "present")},
        title=True,
    ),
}
"""Modules that the table alone translates, by their last name."""

PACKAGE_MODULES = frozenset({"apt", "package", "yum", "dnf", "zypper", "apk", "pacman", "homebrew"})

PACKAGE_TYPES: Mapping[str, str] = {
    "dnf": "dnf_package",
    "yum": "dnf_package",
    "zypper": "zypper_package",
}
"""The resource types of modules of packages that are not `package`."""

PACKAGE_STATES: Mapping[str, str] = {
    "present": "install",
    "installed": "install",
    "latest": "upgrade",
    "absent": "remove",
    "removed": "remove",
}

SERVICE_STATES: Mapping[str, str] = {
    "started": "start",
    "stopped": "stop",
    "restarted": "restart",
    "reloaded": "reload",
}

NO_DECLARATION = frozenset({"debug", "setup", "gather_facts", "service_facts", "package_facts"})
"""Modules that change nothing, and whose effect a recipe does not need."""

WHY: Mapping[str, str] = {
    "apt_key": "the key belongs to its repository: key= of apt_repository",
    "uri": "http_check(...) waits for an answer; a request that changes something is an execute",
    "synchronize": "remote_directory(...) copies a tree that is beside the recipe",
    "fetch": "a run writes nothing on this machine",
    "slurp": "a run reads only what it needs",
    "find": "a list of files of the host is not known when the recipe is compiled",
    "getent": "the accounts of the host are not known when the recipe is compiled",
    "selinux": "there is no resource type for the state of SELinux",
    "seboolean": "selinux_boolean(...)",
    "seport": "selinux_port(...)",
    "sefcontext": "selinux_fcontext(...)",
    "lvg": "lvm_volume_group(...)",
    "lvol": "lvm_logical_volume(...)",
    "rpm_key": "there is no provider for rpm",
    "iptables": "firewall_rule(...), firewall_nat(...)",
    "firewalld": "firewall_rule(...)",
}
"""Reasons for modules that have no entry in the table."""
