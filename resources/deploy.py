"""Applications that are deployed from git, release by release."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import SENSITIVE, Secret, recipe_function
from cookbook.resources._revisions import FromGit
from cookbook.resources.file import absolute


class Deploy(FromGit):
    """
    An application from a git repository, with releases and a way back, as Capistrano has it.

    A new revision is exported to `PATH/releases/COMMIT-BUILD` and built there by its user; then the
    link `PATH/current` is replaced, the units are restarted one after the other, and each must be
    healthy. If one is not, the link is set back, the units are restarted, and the release is held
    back: another commit or build makes another release. `cook releases` lists releases, `cook
    rollback NAME` leads back.

    What is compared is which release is current, not the files in it.

    Example::

        deploy("shop", repository="https://git.example.org/shop.git", revision="main", user="shop",
            build=["python3 -m venv venv", "venv/bin/pip install -r requirements.txt"],
            shared_folders=["media"], restart={"shop.service": "http://127.0.0.1:8000/health"})
    """

    category: ClassVar[str] = "applications"

    unique: ClassVar[bool] = True

    path: str | None = None
    """The absolute path of the folder of the application; None: /srv/NAME."""

    submodules: bool = False
    """Check out submodules as well."""

    shared_folders: Sequence[str] = ()
    """Folders that all releases share: relative paths, in `PATH/shared`, made if they are missing.
    Each release has links to them, in the place of what the repository has there: that is in no
    release, and is not copied."""

    shared_files: Sequence[str] = ()
    """The same of files. They must exist: declare them before, in `PATH/shared`."""

    build: str | Sequence[str] = ()
    """Shell commands that are run in the new release by its user, before it is current."""

    environment: Mapping[str, str] = field(default_factory=dict, metadata=SENSITIVE)
    """Variables of the build and of the migration."""

    migrate: str | None = None
    """A shell command that is run in the new release after the build: a migration of the database.
    It is not taken back, neither by a failure nor by a rollback."""

    restart: str | Sequence[str] | Mapping[str, str] = ()
    """Units that are restarted when the release has changed, one after the other; or unit -> health
    check. Those that do not exist yet are left out."""

    health_check: str | None = None
    """An address (http or https) that must answer with 200, or a shell command of its user that
    must succeed, after all units were restarted."""

    health_timeout: float = 60.0
    """Seconds until each health check must succeed."""

    keep_releases: int = 5
    """The number of releases that stay on the host; the current one and that before always do."""

    to: str | None = None
    """With `rollback`: the release, or the beginning of its commit."""

    action: Literal["deploy", "rollback", "nothing"] = "deploy"
    """`rollback` leads to a release that is on the host, with its own units and health checks; the
    release it leads away from is held back."""

    def validate(self) -> None:
        """Check also names, paths and units."""
        super().validate()
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", self.name, re.ASCII):
            raise RecipeError(f"{self}: {self.name!r} cannot be the name of an application")
        absolute(self, self.place)
        if self.action == "rollback":
            if not self.to or not re.fullmatch("[0-9a-f]{4,40}(-[0-9a-f]{6})?", self.to):
                raise RecipeError(
                    f"{self}: a rollback needs a release: to=", hint="`cook releases` lists them"
                )
            return
        if self.repository is None:
            raise RecipeError(f"{self}: it needs a repository")
        if self.keep_releases < 1:
            raise RecipeError(f"{self}: keep_releases is at least 1")
        self._check_names()

    def _check_names(self) -> None:
        for path in self.shared:
            parts = path.split("/")
            if not path or path.startswith("/") or {"..", ".", "", ".git"} & {*parts}:
                raise RecipeError(f"{self}: {path!r} is no relative path in a release")
        for name in self.environment:
            if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
                raise RecipeError(f"{self}: {name!r} cannot be the name of a variable")
        for unit, _ in self.units:
            if not re.fullmatch(r"[A-Za-z0-9@:_.\\-]+", unit):
                raise RecipeError(f"{self}: {unit!r} is no name of a unit")

    @property
    def identity(self) -> str:
        """The name of the application."""
        return self.name

    @property
    def place(self) -> str:
        """The folder of the application."""
        return self.path or f"/srv/{self.name}"

    @property
    def shared(self) -> tuple[str, ...]:
        """The paths of shared folders and files."""
        return (*self.shared_folders, *self.shared_files)

    @property
    def steps(self) -> tuple[str, ...]:
        """The commands of the build."""
        return (self.build,) if isinstance(self.build, str) else tuple(self.build)

    @property
    def units(self) -> tuple[tuple[str, str], ...]:
        """The units with their health checks; an empty text for none."""
        if isinstance(self.restart, str):
            names: Sequence[str] = (self.restart,)
        elif isinstance(self.restart, Mapping):
            return tuple(self.restart.items())
        else:
            names = self.restart
        return tuple((name, "") for name in names)

    @property
    def build_digest(self) -> str:
        """
        Six hexadecimal digits of what the build depends on besides the commit.

        Values that are secret are left out: a new password is no new build.
        """
        plain = {k: None if isinstance(v, Secret) else v for k, v in self.environment.items()}
        shared = [[*self.shared_folders], [*self.shared_files]]
        parts = [[*map(str, self.steps)], plain, shared, self.submodules, self.migrate]
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:6]


deploy = recipe_function(Deploy)
