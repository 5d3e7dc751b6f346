"""The files of a run, packed for other machines: what is below a folder, without what is hidden."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cookbook.errors import UsageError
from cookbook.text.user_dirs import state_folder

MOST_BYTES = 64 << 20
"""Bytes that the files of a run may have together."""


def packed(folder: Path) -> bytes:
    """
    Return the files below a folder as a tar archive; hidden ones and links are left out.

    So is the state of cook, which has keys, if it is kept there. Raises UsageError if they are too
    large together.
    """
    total = 0
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
        for path in _files(folder):
            total += path.stat().st_size
            if total > MOST_BYTES:
                raise UsageError(
                    f"the files below {folder} are more than {MOST_BYTES >> 20} MB",
                    hint="run it from a folder that has only the recipes and what they need",
                )
            archive.add(path, str(path.relative_to(folder)), recursive=False)
    return out.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    state = state_folder()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith((".", "__pycache__"))
            and not (state.is_dir() and state.samefile(Path(place) / name))
        )
        for name in sorted(names):
            path = Path(place) / name
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def unpacked(data: bytes, folder: Path) -> None:
    """
    Unpack the archive into an empty folder.

    Raises ValueError for an entry that `packed` does not make: no file, or outside of the folder.
    """
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            file = archive.extractfile(entry) if entry.isreg() else None
            if file is None or path.is_absolute() or ".." in path.parts:
                raise ValueError(f"an archive of files for a worker has {entry.name!r}")
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.read())
            (folder / path).chmod(entry.mode & 0o755 | 0o600)
