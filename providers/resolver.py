"""Name servers, by resolv.conf(5)."""

from __future__ import annotations

from cookbook.errors import HostError
from cookbook.provider import AccessPath, Change, Risk, provides
from cookbook.providers.own_file import OwnFileProvider
from cookbook.providers.writing import State
from cookbook.resources.file import File
from cookbook.resources.resolver import Resolver


@provides(Resolver)
class ResolverProvider(OwnFileProvider[Resolver]):
    """The file as a whole; a link in its place belongs to another program."""

    owns = False

    def file(self, resolver: Resolver) -> File:
        """Return the file."""
        return File(
            resolver.identity,
            content=resolver.text,
            owner="root",
            group="root",
            mode="0644",
            manage_symlink_source=False,
            force_unlink=resolver.replace_link,
        )

    def plan(self, resolver: Resolver, found: State | None) -> Change[State]:
        """Compare the file; refuse a link."""
        if found is not None and found.to is not None and not resolver.replace_link:
            raise HostError(
                f"/etc/resolv.conf is a link to {found.to}: another program writes it",
                hint="tell that program the nameservers, or say replace_link=True",
            )
        return super().plan(resolver, found)

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: a login may wait for names, or for accounts of a directory."""
        return "may"
