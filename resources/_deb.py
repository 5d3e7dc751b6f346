"""Debian packages as files: deb(5)."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Mapping

_MAGIC = b"!<arch>\n"


class NoDeb(ValueError):
    """The bytes are no package, or one that cannot be read here."""


def control_of(data: bytes) -> Mapping[str, str]:
    """
    Return the control fields of a package.

    Raises NoDeb if it is none, or is compressed by zstd(1).
    """
    name, packed = _control_member(data)
    try:
        if name.endswith(".zst"):
            raise NoDeb("its control file is compressed by zstd: declare the version")
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
            member = next(m for m in archive if m.name in ("control", "./control"))
            file = archive.extractfile(member)
            text = file.read().decode() if file is not None else ""
    except (
        tarfile.TarError,
        StopIteration,
        OSError,
        EOFError,
        lzma.LZMAError,
        zlib.error,
    ) as error:
        raise NoDeb(f"its control file cannot be read ({type(error).__name__})") from None
    fields = (line.partition(":") for line in text.splitlines() if line[:1].strip())
    return {key: value.strip() for key, _, value in fields}


def _control_member(data: bytes) -> tuple[str, bytes]:
    """Return the name and the bytes of the archive with the control file; see ar(5)."""
    at = len(_MAGIC)
    if not data.startswith(_MAGIC):
        raise NoDeb("it is no file of a Debian package")
    while at + 60 <= len(data):
        head = data[at : at + 60].decode("latin-1")
        name, size = head[:16].strip().rstrip("/"), head[48:58].strip()
        if not size.isascii() or not size.isdigit():
            break
        if name.startswith("control.tar"):
            return name, data[at + 60 : at + 60 + int(size)]
        at += 60 + int(size) + int(size) % 2
    raise NoDeb("it has no control file")
