"""Chef's resources, and the resource type of each: properties with other names, and defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TYPES: Mapping[str, str] = {
    "apt_package": "package",
    "yum_package": "dnf_package",
    "package": "package",
    "bash": "execute",
    "sh": "execute",
    "script": "execute",
    "csh": "execute",
    "ksh": "execute",
    "systemd_service": "service",
    "postgresql_user": "postgresql_role",
    "docker_service": "docker_engine",
    "dpkg_package": "dpkg_package",
    "user_account": "user",
}
"""Resources that have another name here; those that are not here have the same."""

PROPERTIES: Mapping[str, Mapping[str, str]] = {
    "apt_repository": {"repo_name": ""},
    "execute": {"code": "command", "path": "", "interpreter": ""},
    "git": {"reference": "revision", "repo": "repository"},
    "mount": {"pass": "passno"},
    "subversion": {"svn_username": "username", "svn_password": "password"},
    "user": {"supports": "", "group": "gid"},
    "zypper_repository": {"repo_name": "repositoryid"},
}
"""Resource type -> property of Chef -> property here; `""`: looked at by the conversion itself."""

NEEDLESS: Mapping[str, Sequence[str]] = {
    "service": ("supports",),
    "yum_repository": ("make_cache", "clean_metadata", "clean_headers", "enablegroups"),
    "zypper_repository": ("refresh_cache",),
}
"""Resource type -> properties of Chef that need no counterpart."""

WHY: Mapping[str, str] = {
    "ruby_block": "code of Ruby; what it decides may be `if` of Python",
    "chef_gem": "a library for Chef itself",
    "windows_package": "there is no provider for Windows",
    "powershell_script": "there is no provider for Windows",
    "selinux_policy": "there is no resource type for SELinux",
    "freebsd_package": "there is no provider for FreeBSD",
    "build_essential": "package('build-essential')",
    "ark": "remote_file(...), then archive_file(...)",
}
"""Reasons for resources that have no counterpart."""
