"""Sites of nginx."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, field, fields
from typing import Any, ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.provider import (
    LARGE,
    SENSITIVE_AND_LARGE,
    Resource,
    recipe_function,
)
from cookbook.resources._nginx import (
    NginxValue,
    UpstreamOptions,
    addresses,
    directives,
    location,
    upstream_server,
)
from cookbook.resources.file import absolute

_WHOLE = ("content", "source", "variables", "enabled")
"""The properties that a site with a text of its own may have."""

_FORWARDED = {
    "proxy_set_header": [
        "Host $host",
        "X-Real-IP $remote_addr",
        "X-Forwarded-For $proxy_add_x_forwarded_for",
        "X-Forwarded-Proto $scheme",
    ]
}


class NginxSite(Resource):
    """
    A site of nginx as Debian has it: a file in sites-available, and the link that enables it.

    `nginx -t` checks it together with all other sites before it is in its place. nginx is reloaded,
    and if it does not take the new configuration, the former file is put back.

    Example::

        nginx_site(
            "shop",
            server_name="shop.example.org",
            certificate="/etc/ssl/shop.crt",
            certificate_key="/etc/ssl/private/shop.key",
            redirect_http=True,
            upstream={"10.0.0.1:8000": {"weight": 2}, "10.0.0.2:8000": {"backup": True}},
            locations={"/static/": {"alias": "/srv/shop/static/", "expires": "7d"}},
        )
    """

    category: ClassVar[str] = "services"

    unique: ClassVar[bool] = True

    namespace: ClassVar[str] = "path"

    server_name: str | Sequence[str] = ()
    """The names of the site, also with `*.` or as `~` and a regular expression."""

    listen: int | str | Sequence[int | str] = ()
    """Ports, "ADDRESS:PORT" or "unix:/PATH"; nothing: 443 with a certificate, else 80."""

    ipv6: bool = True
    """False: a port in `listen` stands for IPv4 only."""

    default_site: bool = False
    """It answers requests for all names that no other site has (`default_server`). Debian's own
    site `default` does so until it is disabled."""

    certificate: str | None = None
    """The path of the certificate with its chain; it is served by TLS then."""

    certificate_key: str | None = None
    """The path of its private key."""

    redirect_http: bool = False
    """Requests at port 80 are answered with the address of the same page by https."""

    challenges: str | None = None
    """The folder with the challenges of ACME (`webroot` of `acme_certificate`), served by http."""

    root: str | None = None
    """The folder of the files that are served."""

    index: str | Sequence[str] = ()
    """The files that are served for a folder."""

    upstream: str | Sequence[str] | Mapping[str, UpstreamOptions] = ()
    """Servers that requests are passed to: "ADDRESS:PORT" or "unix:/PATH"; as a mapping with the
    parameters weight, max_conns, max_fails, fail_timeout, backup, down."""

    upstream_tls: bool = False
    """The servers are asked by https."""

    balance: Literal["round_robin", "least_conn", "ip_hash", "random"] = "round_robin"
    """The method by which a server is chosen."""

    keepalive: int | None = None
    """The number of idle connections to the servers that each worker keeps."""

    websockets: bool = False
    """Connections can be upgraded to WebSocket."""

    proxy_path: str = "/"
    """The location that is passed to the servers."""

    locations: Mapping[str, Mapping[str, NginxValue]] = field(default_factory=dict)
    """Location, as nginx has it -> its directives."""

    directives: Mapping[str, NginxValue] = field(default_factory=dict)
    """More directives of the server block: name -> arguments."""

    content: str | None = field(default=None, metadata=LARGE)
    """The text of the whole file, in place of all properties above."""

    source: str | None = field(default=None, metadata=LARGE)
    """A template below `templates/` that has the text of the whole file."""

    variables: Mapping[str, Any] = field(default_factory=dict, metadata=SENSITIVE_AND_LARGE)
    """The variables of the template, in addition to `node`."""

    enabled: bool = True
    """False: the file is there, and nginx does not read it."""

    action: Literal["create", "delete", "enable", "disable", "nothing"] = "create"
    """`enable` and `disable` leave the file as it is: for a site that comes from elsewhere."""

    def validate(self) -> None:
        """Check the name and the values; render the template."""
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.name):
            raise RecipeError(f"{self}: {self.name!r} cannot be the name of a site")
        if self.content is not None and self.source is not None:
            raise RecipeError(f"{self}: content and source cannot both be given")
        if self.source is not None and self.action == "create":
            from cookbook.language.template import render

            object.__setattr__(self, "content", render(self.source, self.variables))
            object.__setattr__(self, "source", None)
        if self.action == "create":
            self._check()

    def _check(self) -> None:
        if self.content is not None:
            self._check_whole(self.content)
            return
        if (self.certificate is None) != (self.certificate_key is None):
            raise RecipeError(f"{self}: certificate and certificate_key are given together")
        if self.redirect_http and self.certificate is None:
            raise RecipeError(f"{self}: redirect_http needs a certificate")
        for path in (self.certificate, self.certificate_key, self.root, self.challenges):
            if path is not None:
                absolute(self, path)
        self._check_upstream()
        if not (self.root or self.upstream or self.locations or self.directives):
            raise RecipeError(f"{self}: it needs a root, upstream servers, locations or a content")
        _ = self.text  # has the names, the addresses and the arguments checked

    def _check_whole(self, content: str) -> None:
        common = {f.name for f in fields(Resource)}
        for one in fields(self):
            default = one.default if one.default_factory is MISSING else one.default_factory()
            if one.name not in {*common, *_WHOLE} and getattr(self, one.name) != default:
                raise RecipeError(f"{self}: {one.name} is for a site without a text of its own")
        if "\0" in content:
            raise RecipeError(f"{self}: a site is text")

    def _check_upstream(self) -> None:
        if self.upstream and self.proxy_path in self.locations:
            raise RecipeError(f"{self}: {self.proxy_path} is the location of the upstream servers")
        if not self.upstream and (self.keepalive is not None or self.websockets):
            raise RecipeError(f"{self}: keepalive and websockets need upstream servers")
        if self.keepalive is not None and self.keepalive < 1:
            raise RecipeError(f"{self}: keepalive is at least 1")

    @property
    def identity(self) -> str:
        """The path of the file."""
        return f"/etc/nginx/sites-available/{self.name}"

    @property
    def link(self) -> str:
        """The path of the link that enables it."""
        return f"/etc/nginx/sites-enabled/{self.name}"

    @property
    def text(self) -> str:
        """The text of the file."""
        return self.content if self.content is not None else "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        at = self._addresses()
        if self.upstream:
            yield from self._upstream()
        if self.redirect_http or (self.challenges is not None and self.certificate is not None):
            yield from self._plain(at)
        yield "server {"
        ending = " ssl" if self.certificate is not None else ""
        ending += " default_server" if self.default_site else ""
        given: dict[str, NginxValue] = {"listen": [f"{one}{ending}" for one in at], **self._names}
        if self.certificate is not None and self.certificate_key is not None:
            given["ssl_certificate"] = _quoted(self.certificate)
            given["ssl_certificate_key"] = _quoted(self.certificate_key)
        if self.root is not None:
            given["root"] = _quoted(self.root)
        if self.index:
            given["index"] = self.index if isinstance(self.index, str) else " ".join(self.index)
        yield from directives(self, given)
        yield from directives(self, self.directives)
        if self.challenges is not None and self.certificate is None:
            yield from self._challenges()
        for path, values in self.locations.items():
            yield from location(self, path, values)
        if self.upstream:
            yield from location(self, self.proxy_path, self._proxied)
        yield "}"

    def _addresses(self) -> list[str]:
        listen = (self.listen,) if isinstance(self.listen, int | str) else tuple(self.listen)
        if not listen:
            listen = (443 if self.certificate is not None else 80,)
        return addresses(self, listen, ipv6=self.ipv6)

    @property
    def _names(self) -> dict[str, NginxValue]:
        names = (self.server_name,) if isinstance(self.server_name, str) else self.server_name
        return {"server_name": " ".join(names)} if names else {}

    def _plain(self, at: Sequence[str]) -> Iterator[str]:
        """Yield the server at port 80 of a site with TLS."""
        port = next((one.rpartition(":")[2] for one in at if not one.startswith("unix:")), "443")
        target = "$host" if port == "443" else f"$host:{port}"
        ending = " default_server" if self.default_site else ""
        yield "server {"
        listen = [f"{one}{ending}" for one in addresses(self, [80], ipv6=self.ipv6)]
        yield from directives(self, {"listen": listen, **self._names})
        if self.challenges is not None:
            yield from self._challenges()
        answer = f"301 https://{target}$request_uri" if self.redirect_http else "404"
        yield from location(self, "/", {"return": answer})
        yield from ("}", "")

    def _challenges(self) -> Iterator[str]:
        given: dict[str, NginxValue] = {
            "root": _quoted(self.challenges or ""),
            "default_type": "text/plain",
        }
        yield from location(self, "/.well-known/acme-challenge/", given)

    def _upstream(self) -> Iterator[str]:
        given = (self.upstream,) if isinstance(self.upstream, str) else self.upstream
        servers = given if isinstance(given, Mapping) else {one: {} for one in given}
        if self.websockets:
            other = "''" if self.keepalive is not None else "close"
            yield f"map $http_upgrade ${self._variable} {{"
            yield from ("    default upgrade;", f"    '' {other};", "}", "")
        yield f"upstream cook-{self.name} {{"
        if self.balance != "round_robin":
            yield f"    {self.balance};"
        for address, parameters in servers.items():
            yield upstream_server(self, address, parameters)
        if self.keepalive is not None:
            yield f"    keepalive {self.keepalive};"
        yield from ("}", "")

    @property
    def _variable(self) -> str:
        return f"cook_{re.sub('[.-]', '_', self.name)}_connection"

    @property
    def _proxied(self) -> dict[str, NginxValue]:
        headers = list(_FORWARDED["proxy_set_header"])
        scheme = "https" if self.upstream_tls else "http"
        given: dict[str, NginxValue] = {"proxy_pass": f"{scheme}://cook-{self.name}"}
        if self.websockets:
            headers += ["Upgrade $http_upgrade", f"Connection ${self._variable}"]
        elif self.keepalive is not None:
            headers.append('Connection ""')
        if self.websockets or self.keepalive is not None:
            given["proxy_http_version"] = "1.1"
        return {**given, "proxy_set_header": headers}


def _quoted(path: str) -> str:
    """Return a path as one argument."""
    if re.fullmatch(r"[\w/.@:+-]+", path, re.ASCII):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


nginx_site = recipe_function(NginxSite)
