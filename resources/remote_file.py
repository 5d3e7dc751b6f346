"""Files that a host fetches by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import LARGE, SENSITIVE, Secret, holds_secret, recipe_function
from cookbook.resources._pem import check_place, is_pem
from cookbook.resources.file import File

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONDITIONS = {"if-none-match", "if-modified-since", "if-range", "range"}


class RemoteFile(File):
    """
    A file that the host fetches from a server: Chef's `remote_file`.

    With a checksum the content is compared by it, so no server is asked while the file has it.
    Without one the server is asked each time if its file has changed since it was fetched, by ETag
    and Last-Modified, and sends nothing if not; a server that gives neither is an error, because
    it cannot be known then what is wanted. A fetch that was interrupted is continued, and until
    the content was verified, the file in place is not touched.

    The host needs curl(1), or sftp(1) for sftp; wget(1) does for http with nothing but a checksum.
    Nothing secret is in an argument of a program.

    Example::

        remote_file(
            "/opt/tool.tar.gz",
            source="https://example.com/tool.tar.gz",
            checksum="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        )
    """

    category: ClassVar[str] = "files"

    source: str | Sequence[str] | None = field(default=None, metadata=LARGE)  # type: ignore[assignment]  # a file has one beside the recipe
    """
    The address: http, https, ftp, sftp, or file for a path of the host. Of several the first is
    taken that answers, and with a checksum the first that has the right content.
    """

    checksum: str | None = None
    """The SHA-256 that the content has to have. An address of sftp needs one."""

    use_etag: bool | None = None
    """True if the ETag of the server tells that its file has changed, where there is no checksum.
    None: yes. False is for a server that gives the same file another ETag each time."""

    use_last_modified: bool | None = None
    """The same for Last-Modified, which counts where there is no ETag."""

    headers: Mapping[str, str] | None = field(default=None, metadata=SENSITIVE)
    """
    Headers of the request, e.g. {"Authorization": f"Bearer {secret('token')}"}; for http and https.

    After a redirection to another server curl(1) sends neither Authorization nor Cookie, but all
    others.
    """

    proxy: str | None = None
    """The proxy: "http://proxy.example.org:3128", with name and password if it is a secret. "" for
    none. None: what the environment of the host says."""

    remote_user: str | None = None
    """The name to log in with."""

    remote_password: str | None = field(default=None, metadata=SENSITIVE)
    """The password to log in with."""

    private_key: str | None = field(default=None, metadata=SENSITIVE)
    """The key to log in with over sftp: a path on the host, or the key itself as a secret."""

    host_key: str | None = None
    """The public key of the sftp server, e.g. "ssh-ed25519 AAAA...". None: the one in the
    known_hosts of the host. Another one, or an unknown one, is refused."""

    fetched_by: Literal["host", "controller"] = "host"
    """
    `controller` is for hosts that cannot reach the server: cook fetches it over http or https, once
    for all hosts of a run, when a host needs it, and sends it. It is in memory meanwhile, and an
    interrupted fetch is not continued. It needs the checksum.
    """

    timeout: float = 1800.0
    """Seconds the change may take."""

    def validate(self) -> None:
        """Check the addresses, and what tells that the content is the right one."""
        source, wants = self.source, "delete" not in self.doing and "nothing" not in self.doing
        if self.content is not None:
            raise RecipeError(f"{self}: a remote_file has a source; for content there is `file`")
        if wants and not source:
            raise RecipeError(f"{self}: it needs a source")
        for address in self.addresses:
            self._check_address(address)
        if wants:
            self._check_comparison()
            self._check_controller()
        self._check_request()
        self._check_login()
        object.__setattr__(self, "source", None)
        super().validate()
        object.__setattr__(self, "source", source)
        if self.checksum is not None:
            object.__setattr__(self, "checksum", self.checksum.lower())

    def _check_address(self, address: str) -> None:
        if not re.fullmatch(r"(https?|ftp)://[^\s/]\S*|sftp://[^\s/].*|file:///\S+", address):
            raise RecipeError(
                f"{self}: {address!r} is no address", hint="e.g. https://example.org/app.tar.gz"
            )
        if holds_secret(address) or re.match(r"\w+://[^/@]*@", address):
            raise RecipeError(
                f"{self}: an address with a password can be read in the list of processes",
                hint="declare remote_user and remote_password",
            )
        if address.startswith("sftp:") and not re.fullmatch(
            r"sftp://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][\w.-]*)(:\d+)?/[^\"'\\*?\[\]]+",
            address,
            re.ASCII,
        ):
            raise RecipeError(
                f"{self}: {address!r} is no address of sftp(1)",
                hint="sftp://host:port/path, with no quotes, backslashes or wildcards in the path",
            )

    def _check_comparison(self) -> None:
        """Raise RecipeError unless a checksum, or what the server tells, decides."""
        given = [n for n in ("use_etag", "use_last_modified") if getattr(self, n)]
        if self.checksum is not None and given:
            raise RecipeError(
                f"{self}: {given[0]} and checksum cannot both be given",
                hint="the checksum alone decides: no server is asked while the file has it",
            )
        if self.checksum is not None or self.action == "create_if_missing":
            return
        if self.use_etag is False and self.use_last_modified is False:
            raise RecipeError(
                f"{self}: without ETag and Last-Modified it needs its checksum (SHA-256)"
            )
        if any(address.startswith("sftp:") for address in self.addresses):
            raise RecipeError(f"{self}: sftp needs the checksum (SHA-256) of the file")

    def _check_request(self) -> None:
        """Raise RecipeError for headers or a proxy that cannot be."""
        of_web = all(address.startswith(("http:", "https:")) for address in self.addresses)
        if self.headers and not of_web:
            raise RecipeError(f"{self}: only requests of http and https have headers")
        for name, value in (self.headers or {}).items():
            if not _HEADER.fullmatch(name) or re.search(r"[\r\n\0]", value):
                raise RecipeError(f"{self}: {name!r} cannot be a header")
            if name.lower() in _CONDITIONS:
                raise RecipeError(f"{self}: the header {name} is made by cook")
        if self.proxy and not re.fullmatch(r"(https?|socks[45]h?|socks4a)://[^\s/]+/?", self.proxy):
            shown = "this" if holds_secret(self.proxy) else repr(self.proxy)
            raise RecipeError(
                f"{self}: {shown} is no proxy", hint="e.g. http://proxy.example.org:3128"
            )
        if self.proxy and "@" in self.proxy and not holds_secret(self.proxy):
            object.__setattr__(self, "proxy", Secret(self.proxy))

    def _check_controller(self) -> None:
        """Raise RecipeError if the controller cannot fetch it."""
        web = all(re.match(r"https?:", address) for address in self.addresses)
        if self.fetched_by == "controller" and not (web and self.checksum is not None):
            raise RecipeError(
                f"{self}: the controller fetches http and https, with the checksum (SHA-256)"
            )
        if self.fetched_by == "controller" and (self.proxy or "http:").split(":")[0] != "http":
            raise RecipeError(f"{self}: the controller has no proxies but those of http")

    def _check_login(self) -> None:
        """Raise RecipeError for a login that cannot be."""
        by_sftp = [address.startswith("sftp:") for address in self.addresses]
        if (self.private_key is not None or self.host_key is not None) and not all(by_sftp):
            raise RecipeError(f"{self}: private_key and host_key are for sftp")
        if any(by_sftp) and (self.proxy is not None or not all(by_sftp)):
            raise RecipeError(f"{self}: sftp has no proxy, and no other addresses beside it")
        if self.host_key is not None and not re.fullmatch(
            r"[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}( .*)?", self.host_key
        ):
            raise RecipeError(
                f"{self}: host_key is no public key", hint='e.g. "ssh-ed25519 AAAAC3Nz..."'
            )
        self._check_secrets()

    def _check_secrets(self) -> None:
        """Make what opens a server a Secret. Raises RecipeError if it cannot be used."""
        if self.remote_password is not None:
            if self.remote_user is None:
                raise RecipeError(f"{self}: remote_password needs remote_user")
            object.__setattr__(self, "remote_password", Secret(self.remote_password))
        if self.private_key is not None:
            if is_pem(self.private_key):
                object.__setattr__(self, "private_key", Secret(self.private_key))
            else:
                check_place(self, "private_key", self.private_key)
        for what in ("remote_user", "remote_password"):
            given = getattr(self, what)
            if given is not None and (not given or re.search(r"[\r\n\0]", given)):
                raise RecipeError(f"{self}: {what} is one line of text")
        if self.remote_user is not None and not re.fullmatch(r"[^\s:@-][^\s:@]*", self.remote_user):
            raise RecipeError(f"{self}: {self.remote_user!r} cannot be the name of a user")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses, in order."""
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)

    @property
    def asks_server(self) -> bool:
        """True if only the server tells whether the content is the wanted one."""
        return self.checksum is None and self.action == "create" and bool(self.addresses)

    @property
    def request(self) -> str:
        """The configuration of curl(1) for a request: headers, proxy and login; "" if none is."""
        pairs = [("header", f"{name}: {value}") for name, value in (self.headers or {}).items()]
        if self.proxy is not None:
            pairs.append(("proxy", self.proxy))
        if self.remote_user is not None:
            pairs.append(("user", f"{self.remote_user}:{self.remote_password or ''}"))
        return "".join(f"{name} = {_quoted(value)}\n" for name, value in pairs)


def _quoted(value: str) -> str:
    """Return a value as the configuration of curl(1) takes it."""
    text = str.__str__(value).replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{text}"'


remote_file = recipe_function(RemoteFile)
