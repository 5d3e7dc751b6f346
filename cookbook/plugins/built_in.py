"""The transports and report formats of cook itself, registered as those of any plugin are."""

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
