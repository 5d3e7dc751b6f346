"""The private key in a file, read by paramiko."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko


def load_key(file: Path, passphrase: str | None = None) -> paramiko.PKey:
    """
    Return the private key in a file.

    Raises PasswordRequiredException or TypeError if it is locked, ValueError if the passphrase is
    wrong or paramiko does not know the kind of file, OSError if it cannot be read.
    """
    import paramiko
    from cryptography.exceptions import UnsupportedAlgorithm
    from paramiko.pkey import UnknownKeyType

    # It is handed on to cryptography as it is, which wants bytes.
    password = None if passphrase is None else passphrase.encode()
    try:
        key = paramiko.PKey.from_path(file, password)  # type: ignore[arg-type]
    except (UnknownKeyType, UnsupportedAlgorithm):
        raise ValueError("of a kind that only transport: openssh can use") from None
    except paramiko.PasswordRequiredException:
        raise
    except paramiko.SSHException as error:
        raise ValueError(str(error)) from None
    key.public_blob = None  # what is in the file beside it is found with the other certificates
    return key
