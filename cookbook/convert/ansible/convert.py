"""The conversion of a folder or a file of Ansible into a folder of recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookbook.convert.ansible import variables
from cookbook.convert.ansible.files import copied
from cookbook.convert.ansible.reader import read
from cookbook.convert.ansible.role import Role
from cookbook.convert.project import Folder, hosts_file, is_outside, module_name
from cookbook.convert.report import ConvertReport
from cookbook.convert.source_tree import is_inside
from cookbook.convert.statements import PythonLines, SourcePlace, Statement
from cookbook.errors import UsageError


def is_role(path: Path) -> bool:
    """Return whether a folder has the tasks of a role."""
    return any((path / "tasks" / f"main.{ending}").is_file() for ending in ("yml", "yaml"))


def convert_role(root: Path, folder: Folder, report: ConvertReport) -> None:
    """Convert a role; write the recipe and its sources."""
    name = module_name(root.resolve().name)
    title = f"The role {root.resolve().name}, converted from Ansible."
    role = Role(root, title, report)
    folder.write(f"{name}.py", role.convert())
    copied(root, folder)
    folder.finish(hosts_file({name: f"{name}.py"}, variables.hosts_lines(role.variables)), name)


def convert_playbook(path: Path, folder: Folder, report: ConvertReport) -> None:
    """Convert a playbook: a recipe for each play, and a module for each role that is found."""
    plays = read(path)
    if not isinstance(plays, list) or not all(isinstance(play, Mapping) for play in plays):
        raise UsageError(f"{path}: this is no playbook: a list of plays was expected")
    names: dict[str, str] = {}
    found: list[str] = []
    roles: set[str] = set()
    for number, play in enumerate(plays, 1):
        name = module_name(path.stem) if number == 1 else f"{module_name(path.stem)}_{number}"
        converted = _Play(path, play, folder, report, roles)
        folder.write(f"{name}.py", converted.convert())
        group = module_name(str(play.get("hosts", name)))
        names[group if group not in names else f"{group}_{number}"] = f"{name}.py"
        found += variables.hosts_lines(converted.role.variables)
    copied(path.parent, folder)
    folder.finish(hosts_file(names, found), path.stem)


class _Play:
    """One play of a playbook."""

    def __init__(
        self, path: Path, play: Any, folder: Folder, report: ConvertReport, roles: set[str]
    ) -> None:
        self.path = path
        self.play = play
        self.folder = folder
        self.report = report
        self.roles = roles
        """The roles that are converted already."""

        title = str(play.get("name") or f"hosts {play.get('hosts', '')}").strip()
        self.role = Role(path.parent, f"{title}: a play, converted from Ansible.", report)

    def convert(self) -> str:
        """Return the source of the recipe of the play."""
        role, file = self.role, self.path.name
        place = SourcePlace(file, getattr(self.play, "line", 1))
        given = self.play.get("vars")
        role.variables = dict(given) if isinstance(given, dict) else {}
        role.pieces += variables.defaults(role.work, role.variables, place)
        role.handlers.read(self.play.get("handlers"), file)
        made: list[Statement] = [*role.left_out(), *self._refused(place)]
        made += role.statements(self.play.get("pre_tasks"), file)
        for entry in self.play.get("roles") or []:
            made.append(self._role(entry, place))
        for part in ("tasks", "post_tasks"):
            made += role.statements(self.play.get(part), file)
        return role.text(made)

    def _refused(self, place: SourcePlace) -> list[Statement]:
        """Return comments for what a play says that a recipe does not."""
        why = {
            "serial": "rollout.yml and `cook rollout` take hosts in batches",
            "vars_prompt": "--set name=value, or a secret",
            "vars_files": "put these variables into hosts.yml",
            "import_playbook": "convert that playbook as well",
            "environment": "environment of execute, env_file of services",
            "become_user": "user of hosts.yml, or become_user of resources",
            "strategy": "hosts do not wait for one another; barrier() has them do so",
        }
        return [
            self.role.work.todo(place, f"{word}: {self.play[word]}", reason)
            for word, reason in why.items()
            if word in self.play and self.play[word] not in (None, "root")
        ]

    def _role(self, entry: Any, place: SourcePlace) -> Statement:
        """Return the import of a role, which is converted now if it is beside the playbook."""
        word = (
            str(entry.get("role") or entry.get("name")) if isinstance(entry, dict) else str(entry)
        )
        root = self.path.parent / "roles" / word
        more = set(entry) - {"role", "name", "tags", "become"} if isinstance(entry, dict) else set()
        if is_outside(word) or not is_role(root) or not is_inside(root, self.path.parent):
            return self.role.work.todo(place, f"role: {word}", "it is not beside the playbook")
        if more:
            why = f"{', '.join(sorted(more))}: put the variables into hosts.yml, then import it"
            return self.role.work.todo(place, f"role: {word}", why)
        name = module_name(word)
        if word not in self.roles:
            self.roles.add(word)
            inner = Role(root, f"The role {word}, converted from Ansible.", self.report)
            inner.shown = f"roles/{word}/"
            self.folder.write(f"roles/{name}/__init__.py", inner.convert())
            copied(root, self.folder, f"roles/{name}/")
            self.role.variables.update(inner.variables)
        return PythonLines(
            f"import roles.{name}  # noqa: E402, F401 - it declares what the role does"
        )
