"""Checks of what a web server answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets


class HttpCheck(Resource):
    """
    An address that must answer with a status, and with a text in its body.

    The host asks, by curl(1) or wget(1). If the answer is not the wanted one, the run waits until
    it is, and fails at the deadline with the last answer. Redirections are not followed.

    Example::

        http_check("http://127.0.0.1:8080/health", body="ok")
    """

    category: ClassVar[str] = "commands"

    url: str | None = None
    """The address, if it is not the resource's name."""

    status: int | Sequence[int] = 200
    """The wanted status, or several."""

    body: str | None = None
    """A text that the body contains, literally."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the request, e.g. {"Host": "www.example.org"}."""

    verify_certificate: bool = True
    """Refuse a certificate that is not valid for the address."""

    request_timeout: int = 10
    """Seconds that one answer may take."""

    timeout: float = 60.0
    """Seconds to wait for the wanted answer."""

    interval: float = 1.0
    """Seconds between two tries."""

    action: Literal["wait", "nothing"] = "wait"

    def validate(self) -> None:
        """Check address, statuses, headers and seconds."""
        refuse_secrets(self, self.address, self.headers)
        if not re.fullmatch(r"https?://[^\s\0]+", self.address):
            raise RecipeError(f"{self}: {self.address!r} is no http address")
        if not self.statuses or not all(100 <= one <= 599 for one in self.statuses):
            raise RecipeError(f"{self}: a status is a number from 100 to 599")
        if self.body is not None and (not self.body or "\0" in self.body):
            raise RecipeError(f"{self}: body is a text to look for")
        for name, value in self.headers.items():
            if not re.fullmatch("[A-Za-z0-9-]+", name) or re.search(r"[\r\n\0]", value):
                raise RecipeError(f"{self}: {name!r} cannot be a header")
        if self.request_timeout < 1 or self.timeout < 0 or self.interval <= 0:
            raise RecipeError(f"{self}: seconds cannot be negative, nor the interval 0")

    @property
    def address(self) -> str:
        """The address."""
        return self.url or self.name

    @property
    def statuses(self) -> Sequence[int]:
        """The wanted statuses."""
        return (self.status,) if isinstance(self.status, int) else tuple(self.status)


http_check = recipe_function(HttpCheck)
