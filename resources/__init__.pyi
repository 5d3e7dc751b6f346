# Written by `make types` from the names of the modules here.

from cookbook.resources._compose import compose as compose
from cookbook.resources.acl import Acl as Acl
from cookbook.resources.acl import acl as acl
from cookbook.resources.acme_certificate import AcmeCertificate as AcmeCertificate
from cookbook.resources.acme_certificate import acme_certificate as acme_certificate
from cookbook.resources.alternatives import Alternatives as Alternatives
from cookbook.resources.alternatives import alternatives as alternatives
from cookbook.resources.app_service import AppService as AppService
from cookbook.resources.app_service import app_service as app_service
from cookbook.resources.apparmor_profile import ApparmorProfile as ApparmorProfile
from cookbook.resources.apparmor_profile import apparmor_profile as apparmor_profile
from cookbook.resources.apt_preference import AptPreference as AptPreference
from cookbook.resources.apt_preference import apt_preference as apt_preference
from cookbook.resources.apt_repository import AptRepository as AptRepository
from cookbook.resources.apt_repository import apt_repository as apt_repository
from cookbook.resources.apt_update import AptUpdate as AptUpdate
from cookbook.resources.apt_update import apt_update as apt_update
from cookbook.resources.apt_upgrade import AptUpgrade as AptUpgrade
from cookbook.resources.apt_upgrade import apt_upgrade as apt_upgrade
from cookbook.resources.archive_file import ArchiveFile as ArchiveFile
from cookbook.resources.archive_file import archive_file as archive_file
from cookbook.resources.at import At as At
from cookbook.resources.at import at as at
from cookbook.resources.authorized_key import AuthorizedKey as AuthorizedKey
from cookbook.resources.authorized_key import authorized_key as authorized_key
from cookbook.resources.block import Block as Block
from cookbook.resources.block import block as block
from cookbook.resources.bundle import Bundle as Bundle
from cookbook.resources.bundle import bundle as bundle
from cookbook.resources.composer_install import ComposerInstall as ComposerInstall
from cookbook.resources.composer_install import composer_install as composer_install
from cookbook.resources.config_value import ConfigValue as ConfigValue
from cookbook.resources.config_value import config_value as config_value
from cookbook.resources.cookbook_file import CookbookFile as CookbookFile
from cookbook.resources.cookbook_file import cookbook_file as cookbook_file
from cookbook.resources.cron import Cron as Cron
from cookbook.resources.cron import cron as cron
from cookbook.resources.cron_access import CronAccess as CronAccess
from cookbook.resources.cron_access import cron_access as cron_access
from cookbook.resources.cron_d import CronD as CronD
from cookbook.resources.cron_d import cron_d as cron_d
from cookbook.resources.debconf_selection import DebconfSelection as DebconfSelection
from cookbook.resources.debconf_selection import debconf_selection as debconf_selection
from cookbook.resources.deploy import Deploy as Deploy
from cookbook.resources.deploy import deploy as deploy
from cookbook.resources.dhparam import Dhparam as Dhparam
from cookbook.resources.dhparam import dhparam as dhparam
from cookbook.resources.directory import Directory as Directory
from cookbook.resources.directory import directory as directory
from cookbook.resources.dnf_package import DnfPackage as DnfPackage
from cookbook.resources.dnf_package import dnf_package as dnf_package
from cookbook.resources.docker_container import DockerContainer as DockerContainer
from cookbook.resources.docker_container import docker_container as docker_container
from cookbook.resources.docker_engine import DockerEngine as DockerEngine
from cookbook.resources.docker_engine import docker_engine as docker_engine
from cookbook.resources.docker_image import DockerImage as DockerImage
from cookbook.resources.docker_image import docker_image as docker_image
from cookbook.resources.docker_network import DockerNetwork as DockerNetwork
from cookbook.resources.docker_network import docker_network as docker_network
from cookbook.resources.docker_registry import DockerRegistry as DockerRegistry
from cookbook.resources.docker_registry import docker_registry as docker_registry
from cookbook.resources.docker_volume import DockerVolume as DockerVolume
from cookbook.resources.docker_volume import docker_volume as docker_volume
from cookbook.resources.dpkg_divert import DpkgDivert as DpkgDivert
from cookbook.resources.dpkg_divert import dpkg_divert as dpkg_divert
from cookbook.resources.dpkg_package import DpkgPackage as DpkgPackage
from cookbook.resources.dpkg_package import dpkg_package as dpkg_package
from cookbook.resources.env_file import EnvFile as EnvFile
from cookbook.resources.env_file import env_file as env_file
from cookbook.resources.env_var import EnvVar as EnvVar
from cookbook.resources.env_var import env_var as env_var
from cookbook.resources.execute import Execute as Execute
from cookbook.resources.execute import execute as execute
from cookbook.resources.file import File as File
from cookbook.resources.file import file as file
from cookbook.resources.file_attributes import FileAttributes as FileAttributes
from cookbook.resources.file_attributes import file_attributes as file_attributes
from cookbook.resources.filesystem import Filesystem as Filesystem
from cookbook.resources.filesystem import filesystem as filesystem
from cookbook.resources.firewall import Firewall as Firewall
from cookbook.resources.firewall import firewall as firewall
from cookbook.resources.firewall_nat import FirewallNat as FirewallNat
from cookbook.resources.firewall_nat import firewall_nat as firewall_nat
from cookbook.resources.firewall_rule import FirewallRule as FirewallRule
from cookbook.resources.firewall_rule import firewall_rule as firewall_rule
from cookbook.resources.firewall_set import FirewallSet as FirewallSet
from cookbook.resources.firewall_set import firewall_set as firewall_set
from cookbook.resources.gem_package import GemPackage as GemPackage
from cookbook.resources.gem_package import gem_package as gem_package
from cookbook.resources.git import Git as Git
from cookbook.resources.git import git as git
from cookbook.resources.go_build import GoBuild as GoBuild
from cookbook.resources.go_build import go_build as go_build
from cookbook.resources.go_toolchain import GoToolchain as GoToolchain
from cookbook.resources.go_toolchain import go_toolchain as go_toolchain
from cookbook.resources.group import Group as Group
from cookbook.resources.group import group as group
from cookbook.resources.haproxy_backend import HaproxyBackend as HaproxyBackend
from cookbook.resources.haproxy_backend import haproxy_backend as haproxy_backend
from cookbook.resources.hostname import Hostname as Hostname
from cookbook.resources.hostname import hostname as hostname
from cookbook.resources.hosts_entry import HostsEntry as HostsEntry
from cookbook.resources.hosts_entry import hosts_entry as hosts_entry
from cookbook.resources.htpasswd import Htpasswd as Htpasswd
from cookbook.resources.htpasswd import htpasswd as htpasswd
from cookbook.resources.http_check import HttpCheck as HttpCheck
from cookbook.resources.http_check import http_check as http_check
from cookbook.resources.http_proxy import HttpProxy as HttpProxy
from cookbook.resources.http_proxy import http_proxy as http_proxy
from cookbook.resources.kernel_module import KernelModule as KernelModule
from cookbook.resources.kernel_module import kernel_module as kernel_module
from cookbook.resources.line import Line as Line
from cookbook.resources.line import line as line
from cookbook.resources.link import Link as Link
from cookbook.resources.link import link as link
from cookbook.resources.locale import Locale as Locale
from cookbook.resources.locale import locale as locale
from cookbook.resources.log import Log as Log
from cookbook.resources.log import log as log
from cookbook.resources.logrotate import Logrotate as Logrotate
from cookbook.resources.logrotate import logrotate as logrotate
from cookbook.resources.lvm_logical_volume import LvmLogicalVolume as LvmLogicalVolume
from cookbook.resources.lvm_logical_volume import lvm_logical_volume as lvm_logical_volume
from cookbook.resources.lvm_physical_volume import LvmPhysicalVolume as LvmPhysicalVolume
from cookbook.resources.lvm_physical_volume import lvm_physical_volume as lvm_physical_volume
from cookbook.resources.lvm_volume_group import LvmVolumeGroup as LvmVolumeGroup
from cookbook.resources.lvm_volume_group import lvm_volume_group as lvm_volume_group
from cookbook.resources.make import Make as Make
from cookbook.resources.make import make as make
from cookbook.resources.mount import Mount as Mount
from cookbook.resources.mount import mount as mount
from cookbook.resources.mysql_database import MysqlDatabase as MysqlDatabase
from cookbook.resources.mysql_database import mysql_database as mysql_database
from cookbook.resources.mysql_grant import MysqlGrant as MysqlGrant
from cookbook.resources.mysql_grant import mysql_grant as mysql_grant
from cookbook.resources.mysql_user import MysqlUser as MysqlUser
from cookbook.resources.mysql_user import mysql_user as mysql_user
from cookbook.resources.network_interface import NetworkInterface as NetworkInterface
from cookbook.resources.network_interface import network_interface as network_interface
from cookbook.resources.nginx_site import NginxSite as NginxSite
from cookbook.resources.nginx_site import nginx_site as nginx_site
from cookbook.resources.node_runtime import NodeRuntime as NodeRuntime
from cookbook.resources.node_runtime import node_runtime as node_runtime
from cookbook.resources.notify_group import NotifyGroup as NotifyGroup
from cookbook.resources.notify_group import notify_group as notify_group
from cookbook.resources.npm_ci import NpmCi as NpmCi
from cookbook.resources.npm_ci import npm_ci as npm_ci
from cookbook.resources.npm_package import NpmPackage as NpmPackage
from cookbook.resources.npm_package import npm_package as npm_package
from cookbook.resources.ntp import Ntp as Ntp
from cookbook.resources.ntp import ntp as ntp
from cookbook.resources.package import Package as Package
from cookbook.resources.package import package as package
from cookbook.resources.pam_entry import PamEntry as PamEntry
from cookbook.resources.pam_entry import pam_entry as pam_entry
from cookbook.resources.pg_hba_entry import PgHbaEntry as PgHbaEntry
from cookbook.resources.pg_hba_entry import pg_hba_entry as pg_hba_entry
from cookbook.resources.pip_package import PipPackage as PipPackage
from cookbook.resources.pip_package import pip_package as pip_package
from cookbook.resources.pip_requirements import PipRequirements as PipRequirements
from cookbook.resources.pip_requirements import pip_requirements as pip_requirements
from cookbook.resources.postgresql_database import PostgresqlDatabase as PostgresqlDatabase
from cookbook.resources.postgresql_database import postgresql_database as postgresql_database
from cookbook.resources.postgresql_extension import PostgresqlExtension as PostgresqlExtension
from cookbook.resources.postgresql_extension import postgresql_extension as postgresql_extension
from cookbook.resources.postgresql_grant import PostgresqlGrant as PostgresqlGrant
from cookbook.resources.postgresql_grant import postgresql_grant as postgresql_grant
from cookbook.resources.postgresql_role import PostgresqlRole as PostgresqlRole
from cookbook.resources.postgresql_role import postgresql_role as postgresql_role
from cookbook.resources.postgresql_setting import PostgresqlSetting as PostgresqlSetting
from cookbook.resources.postgresql_setting import postgresql_setting as postgresql_setting
from cookbook.resources.procfile import Procfile as Procfile
from cookbook.resources.procfile import procfile as procfile
from cookbook.resources.python_runtime import PythonRuntime as PythonRuntime
from cookbook.resources.python_runtime import python_runtime as python_runtime
from cookbook.resources.python_venv import PythonVenv as PythonVenv
from cookbook.resources.python_venv import python_venv as python_venv
from cookbook.resources.reboot import Reboot as Reboot
from cookbook.resources.reboot import reboot as reboot
from cookbook.resources.remote_directory import RemoteDirectory as RemoteDirectory
from cookbook.resources.remote_directory import remote_directory as remote_directory
from cookbook.resources.remote_file import RemoteFile as RemoteFile
from cookbook.resources.remote_file import remote_file as remote_file
from cookbook.resources.replace import Replace as Replace
from cookbook.resources.replace import replace as replace
from cookbook.resources.resolver import Resolver as Resolver
from cookbook.resources.resolver import resolver as resolver
from cookbook.resources.route import Route as Route
from cookbook.resources.route import route as route
from cookbook.resources.ruby_runtime import RubyRuntime as RubyRuntime
from cookbook.resources.ruby_runtime import ruby_runtime as ruby_runtime
from cookbook.resources.selinux_boolean import SelinuxBoolean as SelinuxBoolean
from cookbook.resources.selinux_boolean import selinux_boolean as selinux_boolean
from cookbook.resources.selinux_fcontext import SelinuxFcontext as SelinuxFcontext
from cookbook.resources.selinux_fcontext import selinux_fcontext as selinux_fcontext
from cookbook.resources.selinux_port import SelinuxPort as SelinuxPort
from cookbook.resources.selinux_port import selinux_port as selinux_port
from cookbook.resources.service import Service as Service
from cookbook.resources.service import service as service
from cookbook.resources.ssh_config import SshConfig as SshConfig
from cookbook.resources.ssh_config import ssh_config as ssh_config
from cookbook.resources.ssh_known_hosts_entry import SshKnownHostsEntry as SshKnownHostsEntry
from cookbook.resources.ssh_known_hosts_entry import ssh_known_hosts_entry as ssh_known_hosts_entry
from cookbook.resources.sshd_config import SshdConfig as SshdConfig
from cookbook.resources.sshd_config import sshd_config as sshd_config
from cookbook.resources.subversion import Subversion as Subversion
from cookbook.resources.subversion import subversion as subversion
from cookbook.resources.sudo import Sudo as Sudo
from cookbook.resources.sudo import sudo as sudo
from cookbook.resources.swap_file import SwapFile as SwapFile
from cookbook.resources.swap_file import swap_file as swap_file
from cookbook.resources.sysctl import Sysctl as Sysctl
from cookbook.resources.sysctl import sysctl as sysctl
from cookbook.resources.systemd_unit import SystemdUnit as SystemdUnit
from cookbook.resources.systemd_unit import systemd_unit as systemd_unit
from cookbook.resources.template import Template as Template
from cookbook.resources.template import template as template
from cookbook.resources.timezone import Timezone as Timezone
from cookbook.resources.timezone import timezone as timezone
from cookbook.resources.user import User as User
from cookbook.resources.user import user as user
from cookbook.resources.user_ulimit import UserUlimit as UserUlimit
from cookbook.resources.user_ulimit import user_ulimit as user_ulimit
from cookbook.resources.wait_for import WaitFor as WaitFor
from cookbook.resources.wait_for import wait_for as wait_for
from cookbook.resources.x509_certificate import X509Certificate as X509Certificate
from cookbook.resources.x509_certificate import x509_certificate as x509_certificate
from cookbook.resources.x509_csr import X509Csr as X509Csr
from cookbook.resources.x509_csr import x509_csr as x509_csr
from cookbook.resources.x509_private_key import X509PrivateKey as X509PrivateKey
from cookbook.resources.x509_private_key import x509_private_key as x509_private_key
from cookbook.resources.yum_repository import YumRepository as YumRepository
from cookbook.resources.yum_repository import yum_repository as yum_repository
from cookbook.resources.zypper_package import ZypperPackage as ZypperPackage
from cookbook.resources.zypper_package import zypper_package as zypper_package
from cookbook.resources.zypper_repository import ZypperRepository as ZypperRepository
from cookbook.resources.zypper_repository import zypper_repository as zypper_repository

__all__ = [
    "Acl",
    "AcmeCertificate",
    "Alternatives",
    "AppService",
    "ApparmorProfile",
    "AptPreference",
    "AptRepository",
    "AptUpdate",
    "AptUpgrade",
    "ArchiveFile",
    "At",
    "AuthorizedKey",
    "Block",
    "Bundle",
    "ComposerInstall",
    "ConfigValue",
    "CookbookFile",
    "Cron",
    "CronAccess",
    "CronD",
    "DebconfSelection",
    "Deploy",
    "Dhparam",
    "Directory",
    "DnfPackage",
    "DockerContainer",
    "DockerEngine",
    "DockerImage",
    "DockerNetwork",
    "DockerRegistry",
    "DockerVolume",
    "DpkgDivert",
    "DpkgPackage",
    "EnvFile",
    "EnvVar",
    "Execute",
    "File",
    "FileAttributes",
    "Filesystem",
    "Firewall",
    "FirewallNat",
    "FirewallRule",
    "FirewallSet",
    "GemPackage",
    "Git",
    "GoBuild",
    "GoToolchain",
    "Group",
    "HaproxyBackend",
    "Hostname",
    "HostsEntry",
    "Htpasswd",
    "HttpCheck",
    "HttpProxy",
    "KernelModule",
    "Line",
    "Link",
    "Locale",
    "Log",
    "Logrotate",
    "LvmLogicalVolume",
    "LvmPhysicalVolume",
    "LvmVolumeGroup",
    "Make",
    "Mount",
    "MysqlDatabase",
    "MysqlGrant",
    "MysqlUser",
    "NetworkInterface",
    "NginxSite",
    "NodeRuntime",
    "NotifyGroup",
    "NpmCi",
    "NpmPackage",
    "Ntp",
    "Package",
    "PamEntry",
    "PgHbaEntry",
    "PipPackage",
    "PipRequirements",
    "PostgresqlDatabase",
    "PostgresqlExtension",
    "PostgresqlGrant",
    "PostgresqlRole",
    "PostgresqlSetting",
    "Procfile",
    "PythonRuntime",
    "PythonVenv",
    "Reboot",
    "RemoteDirectory",
    "RemoteFile",
    "Replace",
    "Resolver",
    "Route",
    "RubyRuntime",
    "SelinuxBoolean",
    "SelinuxFcontext",
    "SelinuxPort",
    "Service",
    "SshConfig",
    "SshKnownHostsEntry",
    "SshdConfig",
    "Subversion",
    "Sudo",
    "SwapFile",
    "Sysctl",
    "SystemdUnit",
    "Template",
    "Timezone",
    "User",
    "UserUlimit",
    "WaitFor",
    "X509Certificate",
    "X509Csr",
    "X509PrivateKey",
    "YumRepository",
    "ZypperPackage",
    "ZypperRepository",
    "acl",
    "acme_certificate",
    "alternatives",
    "app_service",
    "apparmor_profile",
    "apt_preference",
    "apt_repository",
    "apt_update",
    "apt_upgrade",
    "archive_file",
    "at",
    "authorized_key",
    "block",
    "bundle",
    "compose",
    "composer_install",
    "config_value",
    "cookbook_file",
    "cron",
    "cron_access",
    "cron_d",
    "debconf_selection",
    "deploy",
    "dhparam",
    "directory",
    "dnf_package",
    "docker_container",
    "docker_engine",
    "docker_image",
    "docker_network",
    "docker_registry",
    "docker_volume",
    "dpkg_divert",
    "dpkg_package",
    "env_file",
    "env_var",
    "execute",
    "file",
    "file_attributes",
    "filesystem",
    "firewall",
    "firewall_nat",
    "firewall_rule",
    "firewall_set",
    "gem_package",
    "git",
    "go_build",
    "go_toolchain",
    "group",
    "haproxy_backend",
    "hostname",
    "hosts_entry",
    "htpasswd",
    "http_check",
    "http_proxy",
    "kernel_module",
    "line",
    "link",
    "locale",
    "log",
    "logrotate",
    "lvm_logical_volume",
    "lvm_physical_volume",
    "lvm_volume_group",
    "make",
    "mount",
    "mysql_database",
    "mysql_grant",
    "mysql_user",
    "network_interface",
    "nginx_site",
    "node_runtime",
    "notify_group",
    "npm_ci",
    "npm_package",
    "ntp",
    "package",
    "pam_entry",
    "pg_hba_entry",
    "pip_package",
    "pip_requirements",
    "postgresql_database",
    "postgresql_extension",
    "postgresql_grant",
    "postgresql_role",
    "postgresql_setting",
    "procfile",
    "python_runtime",
    "python_venv",
    "reboot",
    "remote_directory",
    "remote_file",
    "replace",
    "resolver",
    "route",
    "ruby_runtime",
    "selinux_boolean",
    "selinux_fcontext",
    "selinux_port",
    "service",
    "ssh_config",
    "ssh_known_hosts_entry",
    "sshd_config",
    "subversion",
    "sudo",
    "swap_file",
    "sysctl",
    "systemd_unit",
    "template",
    "timezone",
    "user",
    "user_ulimit",
    "wait_for",
    "x509_certificate",
    "x509_csr",
    "x509_private_key",
    "yum_repository",
    "zypper_package",
    "zypper_repository",
]

NAMES: tuple[str, ...]
FUNCTIONS: dict[str, str]

def class_name(name: str) -> str: ...
