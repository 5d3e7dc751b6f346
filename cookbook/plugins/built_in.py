"""The transports, sources, drivers and report formats of cook itself, as a plugin has them."""

from __future__ import annotations

from collections.abc import Mapping

from cookbook.plugin import hookimpl


@hookimpl
def cookbook_transports() -> Mapping[str, str]:
    """Return the transports: name in hosts.yml -> `module:function`."""
    return {
        "ssh": "cookbook.hosts.connect:by_paramiko",
        "openssh": "cookbook.hosts.connect:by_openssh",
        "local": "cookbook.hosts.connect:on_this_machine",
        "docker": "cookbook.hosts.connect:in_docker",
        "podman": "cookbook.hosts.connect:in_podman",
    }


@hookimpl
def cookbook_sources() -> Mapping[str, str]:
    """Return the kinds of sources: name in hosts.yml -> `module:function`."""
    return {
        "program": "cookbook.inventory.sources.program:hosts",
        "ec2": "cookbook.inventory.sources.ec2:hosts",
        "docker": "cookbook.inventory.sources.containers:hosts",
        "podman": "cookbook.inventory.sources.containers:hosts",
        "dns_srv": "cookbook.inventory.sources.dns_srv:hosts",
    }


@hookimpl
def cookbook_kitchen_drivers() -> Mapping[str, str]:
    """Return the drivers: name in kitchen.yml -> `module:Class`."""
    return {
        "kitchen": "cookbook.kitchen.suites.kitchen_driver:KitchenDriver",
        "docker": "cookbook.kitchen.suites.container_driver:DockerDriver",
        "podman": "cookbook.kitchen.suites.container_driver:PodmanDriver",
    }


@hookimpl
def cookbook_reports() -> Mapping[str, tuple[str, str]]:
    """Return the formats: name -> suffix of its files, and the module with its `render`."""
    return {
        "text": (".txt", "cookbook.reports.text"),
        "json": (".json", "cookbook.reports.json_document"),
        "junit": (".xml", "cookbook.reports.junit"),
        "sarif": (".sarif", "cookbook.reports.sarif"),
        "markdown": (".md", "cookbook.reports.markdown"),
        "html": (".html", "cookbook.reports.html_page"),
    }
