"""Name servers of the host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function


class Resolver(Resource):
    """
    The name servers that programs ask: /etc/resolv.conf, as a whole.

    Where that is a link, another program writes it (systemd-resolved, resolvconf,
    NetworkManager), and would overwrite it: that is refused unless `replace_link` says otherwise.

    Example::

        resolver("site", nameservers=["10.0.0.53"], search=["example.com"])
    """

    category: ClassVar[str] = "network"

    unique: ClassVar[bool] = True

    nameservers: Sequence[str] = ()
    """Addresses, at most three, in the order in which they are asked."""

    search: Sequence[str] = ()
    """Domains in which short names are looked up, at most six."""

    options: Sequence[str] = ()
    """Options of resolv.conf(5), e.g. ["timeout:2", "rotate"]."""

    replace_link: bool = False
    """True: a link in its place is replaced by a file."""

    action: Literal["set", "nothing"] = "set"

    def validate(self) -> None:
        """Check addresses, domains and options."""
        if not self.nameservers:
            raise RecipeError(f"{self}: without nameservers no name is found")
        if len(self.nameservers) > 3:
            raise RecipeError(f"{self}: programs ask no more than three nameservers")
        self._check_addresses()
        for domain in self.search:
            if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\.", domain):
                raise RecipeError(f"{self}: {domain!r} is no domain")
        if len(self.search) > 6 or len(" ".join(self.search)) > 256:
            raise RecipeError(f"{self}: programs look into six domains, of 256 characters in all")
        for option in self.options:
            if not re.fullmatch(r"[a-z0-9-]+(:[0-9]+)?", option):
                raise RecipeError(f"{self}: {option!r} is no option", hint="like timeout:2")

    def _check_addresses(self) -> None:
        for address in self.nameservers:
            try:
                ipaddress.ip_address(address.partition("%")[0])
            except ValueError:
                raise RecipeError(f"{self}: {address!r} is no IP address") from None
            if not re.fullmatch(r"[0-9A-Fa-f.:]+(%[A-Za-z0-9_.-]+)?", address):
                raise RecipeError(f"{self}: {address!r} is no IP address")

    @property
    def identity(self) -> str:
        """The path of the file."""
        return "/etc/resolv.conf"

    @property
    def text(self) -> str:
        """The text of the file."""
        lines = [f"nameserver {address}" for address in self.nameservers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)


resolver = recipe_function(Resolver)
