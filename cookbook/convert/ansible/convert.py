"""The conversion of a folder or a file of Ansible into a folder of recipes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookbook.convert.ansible import keywords, variables
from cookbook.convert.ansible.files import copied
from cookbook.convert.ansible.flow import tagged
from cookbook.convert.ansible.reader import read
from cookbook.convert.ansible.role import Role
from cookbook.convert.ansible.task import count
from cookbook.convert.expressions import Untranslatable
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
    roles: dict[str, Role] = {}
    for number, play in enumerate(plays, 1):
        name = module_name(path.stem) if number == 1 else f"{module_name(path.stem)}_{number}"
        converted = _Play(path, play, folder, report, roles)
        folder.write(f"{name}.py", converted.convert())
        group = module_name(str(play.get("hosts", name)))
        names[group if group not in names else f"{group}_{number}"] = f"{name}.py"
        found += variables.hosts_lines(converted.role.variables)
    copied(path.parent, folder)
    folder.finish(hosts_file(names, found), path.stem)


_TASKS = ("pre_tasks", "tasks", "post_tasks", "handlers")


class _Play:
    """One play of a playbook."""

    def __init__(
        self, path: Path, play: Any, folder: Folder, report: ConvertReport, roles: dict[str, Role]
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
        role.keywords = {w: one for w, one in self.play.items() if w in keywords.PLAY_INHERITS}
        notes = [*role.left_out(), *self._refused(place)]
        role.handlers.keywords = role.keywords
        role.handlers.read(self.play.get("handlers"), file)
        try:
            tags = keywords.tags_of(self.play)
        except Untranslatable as why:
            return role.text([*notes, self._never(place, str(why))])
        made: list[Statement] = [*role.statements(self.play.get("pre_tasks"), file)]
        roles = self.play.get("roles")
        for entry in roles if isinstance(roles, list) else []:
            made += self._role(entry, place)
        for part in ("tasks", "post_tasks"):
            made += role.statements(self.play.get(part), file)
        return role.text([*notes, *tagged(tags, made)])

    def _never(self, place: SourcePlace, why: str) -> Statement:
        """Return a comment in place of the tasks of a play."""
        parts = [self.play.get(part) for part in ("pre_tasks", "roles", "tasks", "post_tasks")]
        for _ in range(sum(map(count, parts))):
            self.report.count(place, 1)
        return self.role.work.todo(place, f"hosts: {self.play.get('hosts')}", why)

    def _refused(self, place: SourcePlace) -> list[Statement]:
        """Return comments for what a play says that a recipe does not."""
        left = keywords.refused(self.play, keywords.PLAY | keywords.PLAY_INHERITS)
        if not isinstance(self.play.get("vars", {}), dict | None):
            left["vars"] = "it is no mapping"
        for word in ("roles", *_TASKS):
            if not isinstance(self.play.get(word), list | None):
                left[word] = "it is no list"
        for _ in left:
            self.report.count(place, 1)
        return [
            self.role.work.todo(place, f"{word}: {self.play[word]}", why)
            for word, why in left.items()
        ]

    def _role(self, entry: Any, place: SourcePlace) -> list[Statement]:
        """Return the import of a role, which is converted now if it is beside the playbook."""
        given = entry if isinstance(entry, dict) else {"role": entry}
        word = str(given.get("role") or given.get("name"))
        try:
            return self._imported(word, given)
        except Untranslatable as why:
            self.report.count(place, 1)
            return [self.role.work.todo(place, f"role: {word}", str(why))]

    def _imported(self, word: str, given: Mapping[str, Any]) -> list[Statement]:
        root = self.path.parent / "roles" / word
        if is_outside(word) or not is_role(root) or not is_inside(root, self.path.parent):
            raise Untranslatable("it is not beside the playbook")
        more = keywords.refused(given, ("role", "name", "tags"))
        if more:
            names = ", ".join(sorted(more))
            raise Untranslatable(f"{names}: put the variables into hosts.yml, then import it")
        tags = keywords.tags_of(given)
        name = module_name(word)
        inner = self.roles.get(word)
        if inner is None:
            inner = self.roles[word] = Role(
                root, f"The role {word}, converted from Ansible.", self.report
            )
            inner.tree.shown = f"roles/{word}/"
            inner.keywords = inner.handlers.keywords = self.role.keywords
            self.folder.write(f"roles/{name}/__init__.py", inner.convert())
            copied(root, self.folder, f"roles/{name}/")
        if inner.keywords != self.role.keywords:
            raise Untranslatable("it is converted with the keywords of another play")
        own = self.play.get("vars")
        asked = inner.work.scope.loose | inner.variables.keys()
        if lost := sorted(asked & own.keys()) if isinstance(own, dict) else []:
            raise Untranslatable(f"put {', '.join(lost)} of the play into hosts.yml, and import it")
        self.role.variables = {**inner.variables, **self.role.variables}
        made = PythonLines(
            f"import roles.{name}  # noqa: E402, F401 - it declares what the role does"
        )
        return tagged(tags, [made])
