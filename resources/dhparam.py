"""Parameters of Diffie and Hellman."""

from __future__ import annotations

from cookbook.errors import RecipeError
from cookbook.provider import recipe_function
from cookbook.resources._pem import PemFile


class Dhparam(PemFile):
    """
    Parameters for a key exchange by Diffie and Hellman, made by openssl(1) on the host.

    That takes seconds for 1024 bits, minutes for 2048, and up to an hour for 4096. A file with
    other parameters of the size is kept.

    Example::

        dhparam("/etc/ssl/dhparam.pem", bits=2048)
    """

    bits: int = 2048
    """The size of the prime."""

    mode: str | int = "0644"
    """Permissions; the parameters are no secret."""

    timeout: float = 7200
    """Seconds that it may take."""

    def validate(self) -> None:
        """Check also the size."""
        super().validate()
        if not 512 <= self.bits <= 16384:
            raise RecipeError(f"{self}: bits are between 512 and 16384")
        if self.timeout <= 0:
            raise RecipeError(f"{self}: timeout is a number of seconds")


dhparam = recipe_function(Dhparam)
