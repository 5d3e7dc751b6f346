"""Trees of the cookbook."""

from __future__ import annotations

import io
import tarfile
from dataclasses import field
from pathlib import Path
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.collection import current
from cookbook.provider import LARGE, Content, Resource, octal, recipe_function
from cookbook.resources.file import absolute, owned


class RemoteDirectory(Resource):
    """
    A folder with all files of a folder of the cookbook: Chef's `remote_directory`.

    All files are sent as one archive, and compared by one question. Files of others stay, unless
    `purge` is set. A changed or missing file has all written again.

    Example::

        remote_directory("/srv/site", source="site", owner="www-data", purge=True)
    """

    category: ClassVar[str] = "files"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    path: str | None = None
    """Absolute path of the folder on the host; None: the name of the resource."""

    source: str | None = None
    """The folder below `files/` beside the recipe; None: the last part of the path."""

    purge: bool = False
    """Remove all files in the folder that the source does not have, hidden ones, too. The plan
    names them, and an undo brings them back."""

    owner: str | int | None = None
    """Owner of the folders; None: the user that the run acts as."""

    group: str | int | None = None
    """Group of the folders."""

    mode: str | int = "0755"
    """Permissions of the folders."""

    files_owner: str | int | None = None
    """Owner of the files."""

    files_group: str | int | None = None
    """Group of the files."""

    files_mode: str | int | None = None
    """Permissions of the files; None: 0755 for those that can be executed, 0644 for others."""

    content: bytes | None = field(default=None, metadata=LARGE)
    """The archive of the source; it is made."""

    checksum: str | None = None
    """The SHA-256 of the archive; it is computed."""

    action: Literal["create", "delete", "nothing"] = "create"
    """`delete` removes the files of the source, and folders that are empty then."""

    def validate(self) -> None:
        """Check paths, owners and modes; pack the source, once."""
        absolute(self, self.identity)
        owned(self)
        owned(_Files(self.files_owner, self.files_group))
        object.__setattr__(self, "mode", octal(self.mode, str(self)))
        if self.files_mode is not None:
            object.__setattr__(self, "files_mode", octal(self.files_mode, str(self)))
        if self.action == "create" and self.checksum is None:
            data = self._packed(self._folder())
            object.__setattr__(self, "content", data)
            object.__setattr__(self, "checksum", str(Content.of(data)))

    def _folder(self) -> Path:
        """Return the folder of the source."""
        name = self.source or self.identity.rpartition("/")[2]
        for folder in current().folders:
            if (path := folder / "files" / name).is_dir():
                return path
        raise RecipeError(f"{self}: there is no folder {name!r} in files/")

    def _packed(self, folder: Path) -> bytes:
        """Return an archive that depends on names, contents, modes and owners only."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in [folder, *sorted(folder.rglob("*"))]:
                self._add(archive, path, path.relative_to(folder).as_posix())
        return out.getvalue()  # not compressed: that differs from one zlib to the other

    def _add(self, archive: tarfile.TarFile, path: Path, name: str) -> None:
        member = tarfile.TarInfo(name)
        if path.is_dir():
            member.type, mode = tarfile.DIRTYPE, str(self.mode)
            _own(member, self.owner, self.group)
            member.mode = int(mode, 8)
            archive.addfile(member)
            return
        if not path.is_file():
            raise RecipeError(f"{self}: {path.name} is neither a file nor a folder")
        if "\n" in name:
            raise RecipeError(f"{self}: {name!r} has a line break in its name")
        current().sources.add(path)
        data = path.read_bytes()
        run = path.stat().st_mode & 0o111
        member.mode = int(str(self.files_mode or ("0755" if run else "0644")), 8)
        member.size = len(data)
        _own(member, self.files_owner, self.files_group)
        archive.addfile(member, io.BytesIO(data))

    def clashes(self, other: Resource) -> str | None:
        """Compare it with the declaration of the folder itself."""
        return self.differs(other) if other.kind() == "directory" else "type"

    @property
    def identity(self) -> str:
        """The path."""
        return self.name if self.path is None else self.path


class _Files:
    """Owner and group of the files."""

    def __init__(self, owner: str | int | None, group: str | int | None) -> None:
        self.owner, self.group = owner, group


def _own(member: tarfile.TarInfo, owner: str | int | None, group: str | int | None) -> None:
    """Set owner and group of a member, by name or by number; root without."""
    for who, number, name in ((owner, "uid", "uname"), (group, "gid", "gname")):
        numeric = who is None or str(who).isdecimal()
        setattr(member, number, int(who or 0) if numeric else 0)
        setattr(member, name, "" if numeric else str(who))


remote_directory = recipe_function(RemoteDirectory)
