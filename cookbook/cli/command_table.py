"""All commands: the module of each, what it does, and examples of its use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class CommandEntry(NamedTuple):
    """One command of the command line."""

    module: str
    """The module that declares its options, by `add(parser, name)`."""

    does: str
    examples: tuple[str, ...]
    """Whole command lines, which are shown by --help and can be parsed."""


_RUNS = "cookbook.cli.commands"
_ADHOC = "cookbook.cli.adhoc"
_AUTHORING = "cookbook.cli.authoring"

GROUPS: Mapping[str, Mapping[str, CommandEntry]] = {
    "change hosts": {
        "converge": CommandEntry(
            f"{_RUNS}.converge",
            "bring the hosts into line",
            (
                "cook converge webserver.py --hosts hosts.yml --limit web",
                "cook converge --hosts hosts.yml --confirm",
            ),
        ),
        "apply": CommandEntry(
            f"{_RUNS}.apply",
            "do exactly what a saved plan says, or refuse",
            ("cook apply plan.json --hosts hosts.yml",),
        ),
        "undo": CommandEntry(
            f"{_RUNS}.undo",
            "take back what a run has changed",
            ("cook undo last --hosts hosts.yml", "cook undo last --hosts hosts.yml --yes"),
        ),
        "declare": CommandEntry(
            f"{_ADHOC}.declare",
            "converge resources from the command line, without a recipe file",
            ("cook declare 'package(\"htop\")' --hosts hosts.yml --limit web --plan",),
        ),
        "run": CommandEntry(
            f"{_ADHOC}.run",
            "run a command on hosts; show equal outputs together",
            ("cook run 'web*,!web3' --hosts hosts.yml -- 'df -h | tail -1'",),
        ),
        "rollout": CommandEntry(
            "cookbook.cli.rollouts.command",
            "bring groups of hosts into line in order, in batches, with a way back",
            (
                "cook rollout plan --hosts hosts.yml",
                "cook rollout start app.py --hosts hosts.yml --rollout rollout.yml",
                "cook rollout list",
            ),
        ),
        "rollback": CommandEntry(
            f"{_RUNS}.releases",
            "lead an application back to a release before, on all chosen hosts",
            ("cook rollback shop --hosts hosts.yml --limit web",),
        ),
        "watch": CommandEntry(
            f"{_RUNS}.watch",
            "check or converge hosts again and again: a service",
            ("cook watch watch.yml --once",),
        ),
        "pull": CommandEntry(
            f"{_RUNS}.pull",
            "converge this host to a signed revision of a repository",
            ("cook pull --repo https://git.example/ops --allowed-signers signers --recipe a.py",),
        ),
    },
    "look, and change nothing": {
        "plan": CommandEntry(
            f"{_RUNS}.converge",
            "show what converge would do; change nothing",
            (
                "cook plan webserver.py --hosts hosts.yml",
                "cook plan --hosts hosts.yml -o plan.json",
            ),
        ),
        "drift": CommandEntry(
            f"{_RUNS}.drift",
            "report which hosts are not as declared; change nothing",
            ("cook drift --hosts hosts.yml --report drift.html",),
        ),
        "audit": CommandEntry(
            f"{_AUTHORING}.audit",
            "judge hosts by the controls of a profile; change nothing",
            (
                "cook audit baseline --hosts hosts.yml",
                "cook audit profiles/web --hosts hosts.yml --severity high --report audit.html",
                "cook audit baseline --hosts hosts.yml --control 'ssh-*' --waivers waivers.yml",
            ),
        ),
        "status": CommandEntry(
            f"{_RUNS}.status",
            "show what is where: revision, drift, last success, by group; compare hosts",
            ("cook status --hosts hosts.yml --by pop",),
        ),
        "facts": CommandEntry(
            f"{_RUNS}.facts",
            "show what the hosts are",
            ("cook facts --hosts hosts.yml --limit web1 --output json",),
        ),
        "inventory": CommandEntry(
            f"{_RUNS}.inventory",
            "show the hosts, and where each value is from",
            ("cook inventory --hosts hosts.yml --limit web1",),
        ),
        "features": CommandEntry(
            f"{_RUNS}.features",
            "show which hosts have which feature, and why",
            ("cook features --hosts hosts.yml new_tls",),
        ),
        "releases": CommandEntry(
            f"{_RUNS}.releases",
            "list the releases of applications on hosts",
            ("cook releases shop --hosts hosts.yml",),
        ),
        "console": CommandEntry(
            f"{_ADHOC}.console",
            "declare resources for a host at a Python prompt, with its facts",
            ("cook console --hosts hosts.yml --limit web1",),
        ),
    },
    "the past": {
        "history": CommandEntry(
            f"{_RUNS}.history",
            "list the runs that were recorded; forget old ones",
            ("cook history --since 7d",),
        ),
        "show": CommandEntry(
            f"{_RUNS}.show",
            "show a saved plan, or a run of the history",
            ("cook show plan.json", "cook show last"),
        ),
        "blame": CommandEntry(
            f"{_RUNS}.blame",
            "show which runs changed a resource, from which revision",
            ("cook blame 'file[/etc/nginx/nginx.conf]' --host web1",),
        ),
    },
    "hosts and secrets": {
        "trust": CommandEntry(
            f"{_RUNS}.trust",
            "see the keys of the hosts, and say that they are theirs",
            ("cook trust --hosts hosts.yml",),
        ),
        "secret": CommandEntry(
            f"{_RUNS}.secret",
            "keep secrets encrypted beside the recipes",
            ("cook secret init", "cook secret set db_password"),
        ),
        "lock": CommandEntry(
            f"{_RUNS}.lock",
            "keep runs away from hosts until they are unlocked",
            ("cook lock web1 --hosts hosts.yml --reason 'disk is replaced' --for 2h",),
        ),
        "unlock": CommandEntry(
            f"{_RUNS}.lock",
            "let runs at hosts again",
            ("cook unlock web1 --hosts hosts.yml",),
        ),
        "stash": CommandEntry(
            f"{_RUNS}.stash",
            "show what hosts keep so that changes can be undone; remove what is old",
            ("cook stash --hosts hosts.yml", "cook stash --hosts hosts.yml --prune 90d"),
        ),
        "kitchen": CommandEntry(
            f"{_AUTHORING}.kitchen",
            "disposable Debian hosts to try recipes on; suites that test them there",
            (
                "cook kitchen up 2",
                "cook kitchen ssh h1",
                "cook kitchen test web --release bookworm --junit kitchen.xml",
            ),
        ),
    },
    "write recipes": {
        "init": CommandEntry(
            f"{_AUTHORING}.scaffold",
            "begin a recipe: a folder with templates, hosts.yml and tests",
            ("cook init web",),
        ),
        "new": CommandEntry(
            f"{_AUTHORING}.scaffold",
            "begin a plugin: a package with a resource type and its tests",
            ("cook new resource maintenance_flag",),
        ),
        "import": CommandEntry(
            f"{_AUTHORING}.import_",
            "write a recipe of what a live host has",
            (
                "cook import web1 --hosts hosts.yml -o web1",
                "cook import web1 --hosts hosts.yml --types package,user,service",
            ),
        ),
        "lint": CommandEntry(
            f"{_AUTHORING}.lint",
            "find mistakes and traps in recipes; mend some",
            (
                "cook lint",
                "cook lint recipes/ --hosts hosts.yml --fix",
                "cook lint --explain CK102",
            ),
        ),
        "convert": CommandEntry(
            f"{_AUTHORING}.convert",
            "make recipes of a role or a playbook of Ansible, or of a cookbook of Chef",
            (
                "cook convert roles/nginx -o nginx",
                "cook convert site.yml --output json",
                "cook convert cookbooks/ntp",
            ),
        ),
    },
    "help": {
        "resources": CommandEntry(
            f"{_RUNS}.resources",
            "show the resource types and their properties",
            ("cook resources", "cook resources service"),
        ),
        "schema": CommandEntry(
            f"{_AUTHORING}.schema",
            "print the JSON Schema of hosts.yml and other files, for editors",
            ("cook schema hosts",),
        ),
        "completion": CommandEntry(
            f"{_AUTHORING}.completion",
            "print a script that completes commands, options and hosts in a shell",
            ("cook completion bash",),
        ),
        "man": CommandEntry(
            f"{_AUTHORING}.man",
            "write manual pages",
            ("cook man ~/.local/share/man/man1",),
        ),
        "explain": CommandEntry(
            f"{_RUNS}.explain",
            "say what an error means, and what to do about it",
            ("cook explain unknown-host-key",),
        ),
    },
}
"""The commands by heading."""

COMMANDS: Mapping[str, CommandEntry] = {
    name: command for group in GROUPS.values() for name, command in group.items()
}
"""All commands by name."""
