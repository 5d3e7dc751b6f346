"""Files: what is in them, whose they are, and who may do what."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import (
    ENCODING,
    LARGE,
    Content,
    Resource,
    Secret,
    SecretBytes,
    found_secret,
    octal,
    recipe_function,
)

Action = Literal["create", "create_if_missing", "delete", "touch", "nothing"]


class File(Resource):
    """
    A file: Chef's `file` and `cookbook_file`.

    It is written beside its place, brought to disk, checked, and renamed: whatever
    happens, there is the old file or the new one, never a mix.

    Example::

        file("/etc/motd", content="Managed by cook.", mode="0644")
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | None = None
    """The absolute path, if it is not the resource's name."""

    content: str | bytes | None = field(default=None, metadata=LARGE)
    """The content; None leaves it alone (a new file is empty then)."""

    source: str | None = field(default=None, metadata=LARGE)
    """A file beside the recipe, in `files/`, that has the content."""

    cookbook: str | None = None
    """The Python package that has the source in its `files/` or `templates/`, as `import` names it:
    "roles.nginx". By default the module that declares the file, then the recipe."""

    owner: str | int | None = None
    """The owner: a name, or a number."""

    group: str | int | None = None
    """Which group it belongs to: a name, or a number."""

    mode: str | int | None = None
    """
    Permissions: octal text ("0644") or an octal integer (0o644).

    If it is not declared, a new file has 0644, and the mode of a file that is there is left as
    it is: neither converge nor drift looks at it. Declare what is to be watched.
    """

    backup: int | Literal[False] = 5
    """
    The number of former contents to keep, in /var/lib/cook/backup on the host; none of a sensitive
    file.
    """

    verify: str | Sequence[str] | None = None
    """
    Commands that have to succeed before it counts. `{path}` stands for the new
    file beside its place, inside of quotes or not; one without it is run with the new
    file in place, and the old one is put back if it fails. They are run when the
    content changes, with owner and mode set.

    If none is given, a file that a known program reads is checked by that program, where it is
    installed: sudoers and sudoers.d, sshd_config, crontabs, fstab, units of systemd,
    nftables.conf, nginx, logrotate.d. An empty list has the file written unchecked.
    """

    atomic_update: bool = True
    """Rename the new file into place. False writes into the old one, for a file that
    is mounted by itself, or has hard links that are to stay."""

    force_unlink: bool = False
    """Remove whatever else is in its place: a device, a FIFO, a directory with all that
    is in it; a link to any of these, but never what it points to."""

    manage_symlink_source: bool | None = None
    """
    If the path is a symbolic link: manage the file it points to (None does, too). False treats the
    link as another kind of file in its place.
    """

    checksum: str | None = None
    """The SHA-256 that the content has to have."""

    action: Action | Sequence[Action] = "create"
    """`delete` removes a symbolic link, not what it points to. `touch` writes the time
    of each run, and so changes something each time."""

    def validate(self) -> None:
        """Check the path, the mode, and that there is one content at most."""
        absolute(self, self.identity)
        one_action(self, implied="create" if "touch" in self.doing else None)
        owned(self)
        if self.mode is not None:
            object.__setattr__(self, "mode", octal(self.mode, str(self)))
        if self.backup < 0:
            raise RecipeError(f"{self}: backup cannot be {self.backup}")
        if self.content is not None and self.source is not None:
            raise RecipeError(f"{self}: content and source cannot both be given")
        if self.source is not None:
            object.__setattr__(self, "content", found_secret(_read(find(self.source, "files"))))
            object.__setattr__(self, "source", None)
        if isinstance(self.content, Secret | SecretBytes):
            object.__setattr__(self, "sensitive", True)
        self.verify_checksum()

    def verify_checksum(self) -> None:
        """Raise RecipeError unless the content has the checksum that was promised."""
        if self.checksum is not None and not re.fullmatch("[0-9a-fA-F]{64}", self.checksum):
            raise RecipeError(f"{self}: {self.checksum!r} is no SHA-256 of 64 hexadecimal digits")
        wanted = self.checksum.lower() if self.checksum is not None else None
        if wanted is not None and self.digest not in (None, wanted):
            raise RecipeError(
                f"{self}: the content has checksum {self.digest}, not {self.checksum}"
            )

    @property
    def identity(self) -> str:
        """Its path."""
        return self.path or self.name

    def clashes(self, other: Resource) -> str | None:
        """Compare it with a file of another type, if only one of the two says what is in it."""
        both = isinstance(other, File) and self.has_content and other.has_content
        return "type" if both or not isinstance(other, File) else self.differs(other)

    @property
    def has_content(self) -> bool:
        """True if it says what is in the file, by content or by checksum."""
        return self.content is not None or self.checksum is not None

    @property
    def data(self) -> bytes | None:
        """The wanted content, as bytes: text is UTF-8."""
        if isinstance(self.content, str):
            return self.content.encode(ENCODING, "surrogateescape")
        return self.content

    @functools.cached_property
    def digest(self) -> Content | None:
        """The SHA-256 of the wanted content; None if there is none."""
        data = self.data
        return Content.of(data) if data is not None else None


def _read(path: Path) -> bytes:
    """Return the content of a file; all hosts share that of a large one."""
    status = path.stat()
    if status.st_size < _SHARED:
        return path.read_bytes()
    return _shared(path, status.st_ino, status.st_mtime_ns, status.st_size)


_SHARED = 1024 * 1024
"""Bytes of a file that is read once for all hosts."""


@functools.lru_cache(maxsize=16)
def _shared(path: Path, _inode: int, _changed: int, _size: int) -> bytes:
    return path.read_bytes()


_NORMAL = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[^/\0]+)+")
"""An absolute path without empty parts, `.` and `..`."""


def absolute(resource: Resource, path: str) -> None:
    """Raise RecipeError unless this is an absolute path without `..`, the root excepted."""
    if not _NORMAL.fullmatch(path):
        raise RecipeError(
            f"{resource}: {path!r} is no absolute, normal path", hint="e.g. /etc/motd"
        )


class Owned(Protocol):
    """A resource with an owner."""

    @property
    def owner(self) -> str | int | None: ...  # noqa: D102
    @property
    def group(self) -> str | int | None: ...  # noqa: D102


def owned(resource: Owned) -> None:
    """Raise RecipeError unless owner and group are valid names or numbers."""
    for what, who in (("owner", resource.owner), ("group", resource.group)):
        if who is not None and not re.fullmatch(r"\d+|[^\s\d:+-][^:\n\0]*", str(who), re.ASCII):
            raise RecipeError(f"{resource}: {who!r} is no {what}", hint="a name, or a number")


def one_action(resource: Resource, implied: str | None = None) -> None:
    """
    Make the action of a resource that cannot do two things in a row a single one.

    Raises RecipeError if it is told to. One that is `implied` by another goes without saying.
    """
    actions = [action for action in dict.fromkeys(resource.doing) if action != implied]
    if len(actions) != 1:
        said = " and ".join(actions) or "nothing at all"
        raise RecipeError(
            f"{resource}: it cannot {said}", hint='give it one action, e.g. action="create"'
        )
    object.__setattr__(resource, "action", actions[0])


file = recipe_function(File)
