"""The contenders: how each is called, and what its output says about changes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from bench.clock import BenchError, Call
from bench.lab import Site

_HERE = Path(__file__).parent
_BIN = Path(sys.executable).parent
VENV = _HERE.parent / ".venv-bench"
"""Where the peers are installed: their dependencies are not ours."""


def ssh(site: Site, *command: str) -> list[str]:
    """Log in to the first host, once, without anything that is kept between two calls."""
    host = site.hosts[0]
    options = (
        f"IdentityFile={site.identity}",
        "IdentitiesOnly=yes",
        f"UserKnownHostsFile={site.known_hosts}",
        "StrictHostKeyChecking=yes",
    )
    flags = [word for option in options for word in ("-o", option)]
    port = ["-p", str(host.port)]
    return ["ssh", "-F", "none", *flags, *port, f"root@{host.address}", *command]


def ssh_true(site: Site) -> Call:
    """Return the login by ssh(1) that runs `true`."""
    return Call("ssh", ssh(site, "true"))


def paramiko_true(site: Site) -> Call:
    """Return the login by paramiko that runs `true`."""
    host = site.hosts[0]
    words = [host.address, str(host.port), str(site.identity), str(site.known_hosts)]
    return Call("paramiko", [sys.executable, str(_HERE / "paramiko_true.py"), *words])


def script(site: Site) -> Call:
    """Return the same commands as a shell script."""
    return Call("script", ssh(site, "sh", "-s"), stdin=_HERE / "w50.sh")


def rollout(site: Site) -> Call:
    """Return the rollout of the sample deploy_app as a shell script."""
    return Call("script", ssh(site, "sh", "-s"), stdin=_HERE / "rollout.sh")


def cook(site: Site, recipe: str = "w50.py", *options: str) -> Call:
    """Return a converge with JSON output, which lists every resource."""
    command = ["converge", str(_HERE / recipe), "--hosts", str(site.hosts_yml)]
    command += ["--output", "json", *options]
    return Call("cook", [*cook_command(), *command], cook_changes, document=True)


def cook_command() -> list[str]:
    """Return the installed command."""
    return [str(_BIN / "cook")]


def pyinfra(site: Site, deploy_file: str = "w50.py") -> Call:
    """Return a deploy, as its documents describe for use without a terminal."""
    command = [str(VENV / "bin/pyinfra"), "--yes", "--parallel", "50"]
    deploy = [str(site.pyinfra_inventory), str(_HERE / "peers" / deploy_file)]
    return Call("pyinfra", [*command, *deploy], pyinfra_changes)


def ansible(site: Site, *options: str, playbook: str = "w50.yml") -> Call:
    """Return a playbook with the recommended settings for speed: see peers/ansible.cfg."""
    environment = {
        "ANSIBLE_CONFIG": str(_HERE / "peers/ansible.cfg"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(site.control),
        "LC_ALL": "C.UTF-8",
    }
    command = [str(VENV / "bin/ansible-playbook"), "-i", str(site.ansible_inventory)]
    words = [*command, str(_HERE / "peers" / playbook), *options]
    return Call("ansible", words, ansible_changes, environment)


def cook_changes(output: str) -> int:
    """Return the number of changes in its document, over all hosts."""
    totals = json.loads(output)["totals"]
    return int(totals["changed"] + totals["failed"] + totals["unknown"])


def exchanges(output: str) -> int:
    """How often cook waited for the host that it waited for most often."""
    return max(int(host["exchanges"]) for host in json.loads(output)["hosts"].values())


def ansible_changes(output: str) -> int:
    """
    Return the sum over the lines of its recap.

    Raises BenchError if there is none.
    """
    found = re.findall(r"changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", output)
    if not found:
        raise BenchError("ansible gave no recap")
    return sum(int(number) for line in found for number in line)


def pyinfra_changes(output: str) -> int:
    """
    Return the number of operations that succeeded (changed) or failed.

    Raises BenchError if there is none.
    """
    found = re.search(r"Grand total[^\d]+(\d+)[^\d-]+(\d+|-)[^\d-]+(\d+|-)[^\d-]+(\d+|-)", output)
    if not found:
        raise BenchError("pyinfra gave no results")
    _hosts, succeeded, failed, _unchanged = (int(n) if n != "-" else 0 for n in found.groups())
    return succeeded + failed
