"""
The optional parts of the contract of a provider, each with defaults that are right for most.

A provider overrides the methods of a trait only if its resource needs that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import (
    Any,
    ClassVar,
    Generic,
    TypeVar,
)

from cookbook.language.access_path import AccessPath, Risk
from cookbook.language.change import Change, S
from cookbook.language.probe import Probe, Thing
from cookbook.language.release import Release
from cookbook.language.resource import Resource
from cookbook.script.shell import Command

R = TypeVar("R", bound=Resource)

COMMAND_TIMEOUT = 300.0
"""Seconds that a command of a change may take, unless its provider sets another limit."""


class Ordered(Generic[R, S]):
    """
    The things that a resource needs from others on the host, and those that it provides.

    Override it where a change needs something that another resource may create: a file needs its
    owner and its folder.

        def missing(self, file: File, *answers: Any) -> Iterable[Thing]:
            if file.owner is not None and answers[1] is None:
                yield Thing("user", file.owner)
    """

    after_anything: ClassVar[bool] = False
    """True if each change that `brings_anything` makes its answers stale: a needed reboot."""

    def foretold(self, resource: R, found: S | None, earlier: Mapping[Thing, Any], /) -> str | None:
        """
        Return what is known already of a change that is unknown until another one; None if nothing.

        `earlier` has the states that earlier changes will lead to, of the things that `about`
        names: the id of an image that is to be pulled.
        """
        return None

    def missing(self, resource: R, /, *answers: Any) -> Iterable[Thing]:
        """
        Return the things that a change needs and the answers show as absent: an owner.

        It is also called with None for every answer, the first one included: then it returns all
        things that a change may need.
        """
        return ()

    def brings(self, name: str, change: Change[S], /) -> Iterable[Thing]:
        """Return the things that exist after the change, for resources that need them."""
        return ()

    def redefined(self, state: S | None, /) -> bool:
        """Return True if a change that `brings` the thing redefines one that exists already."""
        return False

    def brings_anything(self, name: str, /) -> bool:
        """Return whether a change may create things that it does not name: packages, commands."""
        return False

    def takes_anything(self, name: str, /) -> bool:
        """Return whether its removal may remove things that it does not name, as a package does."""
        return self.brings_anything(name)

    def about(self, resource: R, /) -> Iterable[Thing]:
        """
        Return the things that its state describes: another change of them makes it stale.

        A `path` is one file; a `tree` is a folder with everything below it.
        """
        return [Thing(resource.kind(), resource.identity)]

    def alters(self, resource: R, change: Change[S] | None, /) -> Iterable[Thing]:
        """Return the things that the change modifies; `change` is None if it is not known yet."""
        return self.about(resource)

    def removes(self, resource: R, change: Change[S] | None, /) -> Iterable[Thing]:
        """Return the things that the change removes, or may remove if it is not known yet."""
        return self.alters(resource, change) if change is None or change.wanted is None else ()


class Notified(Generic[R, S]):
    """
    Actions that other resources ask for by notifications.

    Override it where one action does what another one would do: a restart reloads, too.

        supersedes = {"restart": frozenset({"reload"})}
    """

    supersedes: ClassVar[Mapping[str, frozenset[str]]] = {}
    """Action -> the actions that it makes superfluous if they are requested as well."""

    def amounts_to(self, change: Change[S], /) -> frozenset[str]:
        """Return the actions that this change makes superfluous if requested before it."""
        return (
            frozenset({change.act} | self.supersedes.get(change.act, frozenset()))
            if change.act
            else frozenset()
        )


class Undoable(Generic[R, S]):
    """
    The reverse of a change, where swapping found and wanted is not enough.

    Override it where a change destroys what its state does not contain: the content of a file
    goes into the stash of the host before it is replaced.

        def keeps(self, name: str, change: Change[State]) -> Command | None:
            return keep_file(name) if change.found is not None else None
    """

    again: ClassVar[frozenset[str]] = frozenset()
    """Acts that are repeated after an undo, so that the restored state takes effect."""

    traceless: ClassVar[frozenset[str]] = frozenset()
    """Acts that change nothing which an undo would have to restore: waiting, a check."""

    essence: ClassVar[frozenset[str]] = frozenset()
    """Fields that identify a thing; if one differs, an undo does not touch the thing."""

    def keeps(self, name: str, change: Change[S], /) -> Command | None:
        """
        Return the command that stashes what the change destroys; see cookbook.script.stash.

        It is run just before the change, under the same precondition, and must never fail.
        None if there is nothing to keep.
        """
        return None

    def learned(self, change: Change[S], kept: str, said: str, /) -> Change[S]:
        """Return the change with hints from the output of `keeps` and of its commands."""
        return change

    def repeats(self, act: str, state: S | None, /) -> bool:
        """Return whether the act is to be repeated when an undo has led to this state."""
        return act in self.again

    def lost(self, name: str, change: Change[S], /) -> str | None:
        """Describe the effects that an undo of the change does not restore; None without any."""
        lasting = change.act is not None and change.act not in self.again | self.traceless
        return f"what it did ({change.act})" if lasting else None

    def there(self, state: S | None, /) -> bool:
        """Return whether a found state shows that the thing exists."""
        return state is not None

    def absent(self, state: S | None, /) -> bool:
        """
        Return True if a package that is not installed yet may bring the thing.

        Where nothing is wanted of it, a plan says "unknown until" that package then, not "ok".
        """
        return state is None

    def gone(self, state: S | None, /) -> bool:
        """Return True if the thing is absent, with nothing left of it to be undone."""
        return not self.there(state)

    def tells_all(self, state: S, /) -> bool:
        """Return whether the state describes the thing completely, its content included."""
        return True

    def ask_back(self, resource: R, change: Change[S], /) -> R:
        """Return the resource to probe before an undo of the change, e.g. with its versions."""
        return resource

    def unobtainable(self, name: str, change: Change[S], now: S | None, /) -> str | None:
        """Return the reason why the change cannot be undone now; None if it can."""
        return None

    def back(self, name: str, change: Change[S], now: S | None, /) -> Change[S]:
        """Return the undo of a change from the state `now`: it restores the touched fields only."""
        before = change.found
        if before is None or now is None:
            return Change(now, before)
        touched = {name: pair[0] for name, pair in change.fields.items()}
        hints = {f.name: getattr(before, f.name) for f in fields(before) if not f.compare}
        return Change(now, replace(now, **touched, **hints))


class Prunable(Generic[R, S]):
    """
    The removal of a thing that no recipe declares any more.

    Override it where removing needs a question first: removing a package may remove others.

        owns = False  # what a service is belongs to its package
    """

    owns: ClassVar[bool] = True
    """True if it creates things that can be removed again; a service, for example, cannot."""

    def entries(self, resource: R, /) -> Mapping[str, R]:
        """
        Return the things of a resource that can be removed alone: identity -> resource about it.

        Override it where a resource is a list, such as several packages, or where `identity`
        leaves out where a thing is: a cron job is in the crontab of a user. The manifest of the
        host has an entry for each.
        """
        return {resource.identity: resource}

    def holds(self, state: S, entry: R, /) -> bool:
        """Return whether the state of a resource contains one of its `entries`."""
        return True

    def removal(self, state: S, /) -> Change[S]:
        """Return the change that removes an orphan, and nothing else."""
        return Change(state, None)

    def preflight(self, changes: Sequence[tuple[str, Change[S]]], /) -> Command | None:
        """
        Return one question about all changes to be undone or pruned; None if there is none.

        It is run as the user of the resources, and has to fail if it cannot find out what
        `objection` needs: then none of the changes is made.
        """
        return None

    def objection(self, name: str, said: str, going: Collection[Thing], /) -> str | None:
        """
        Return the reason against a change, by the output of `preflight`; None if there is none.

        `going` is everything that is removed with it, from all owners.
        """
        return None


class LockoutRisk(Generic[R, S]):
    """
    The risk that a change locks the operator out of the host.

    Override it where a change touches what login needs: the packet filter, sshd, sudo, accounts.

        def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
            return "may" if change.kind == "remove" else "no"
    """

    def lockout_risk(self, name: str, change: Change[S], way: AccessPath, /) -> Risk:
        """Return the risk that the change locks the operator out of the access path."""
        return "no"

    def lockout_hint(self, name: str, change: Change[S], way: AccessPath, /) -> str | None:
        """Return what to declare so that the access path stays open; None if that is not known."""
        return None


class Listed(Generic[R, S]):
    """
    The list of all things of a type on a host, for an audit of those that no recipe declares.

    Override both methods where such a thing may have been made by hand: an account, a job.

        def everything(self) -> Command:
            return sh("getent group")

        def unmanaged(self, text: str, declared: Sequence[Group]) -> Iterable[tuple[str, Thing]]:
            ...
    """

    def everything(self) -> Command | None:
        """Return the question for all things of the type; None if there is no list of them."""
        return None

    def unmanaged(self, text: str, declared: Sequence[R], /) -> Iterable[tuple[str, Thing]]:
        """
        Return the things in the answer that none of these resources is about, with their names.

        What the system has of itself is left out: system accounts, files of packages.
        """
        return ()


class Released(Generic[R, S]):
    """
    The releases of applications on a host, for `cook releases` and `cook rollback`.

    Override both methods in a type with an action `rollback` and a property `to`.
    """

    def releases(self) -> Command | None:
        """Return the question for all releases on a host; None if there are none of the type."""
        return None

    def release_list(self, text: str, /) -> Iterable[Release]:
        """Return the releases in the answer, those of one application from the latest on."""
        return ()


class Warned(Generic[R, S]):
    """
    Warnings about things outside a resource that defeat its purpose.

    Override it where the declared state is reached and may still not do what it is for: a firewall
    rule allows a port that another chain closes.

        def besides(self, rule: FirewallRule) -> Sequence[Probe]:
            return [Probe(sh("nft list ruleset"))]
    """

    def besides(self, resource: R, /) -> Sequence[Probe]:
        """Return questions about what may defeat the purpose of the resource; for `warning`."""
        return ()

    def warning(self, resource: R, /, *answers: Any) -> str | None:
        """
        Return a warning that holds even if nothing is to be changed; None if there is none.

        The answers are those to `besides`.
        """
        return None


class Batched(Generic[R, S]):
    """
    One transaction for several changes, and the time that a change may take.

    Override it where a tool takes many things at once: apt-get installs all packages together.

        def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command]:
            yield sh("apt-get install {}", join([name for name, _ in changes]))
    """

    timeout: ClassVar[float] = COMMAND_TIMEOUT
    """Seconds that each command of a change may take."""

    tells_no_secret: ClassVar[bool] = False
    """True if the output of a failed command cannot have a secret in it, in whatever form: it is
    shown then, although the resource has one. By default it is hidden."""

    whole: ClassVar[bool] = False
    """True if a change must not be interrupted, not even by a second Ctrl-C."""

    def together(self, changes: Sequence[tuple[str, Change[S]]], /) -> Iterable[Command] | None:
        """Return the commands of one transaction for adjacent changes; None for one change each."""
        return None

    concurrent: ClassVar[bool] = False
    """True if a change can run at the same time as others of a parallel block: its commands take no
    lock that others need as well, and change only what the resource names."""

    rehearsed: ClassVar[Thing | None] = None
    """The thing that the answer to `rehearsal` depends on: package lists. Where an earlier change
    of the plan alters it, the remark says so."""

    def rehearsal(self, changes: Sequence[tuple[str, Change[S]]], /) -> Command | None:
        """
        Return a question for what changes that go together would do besides; None without one.

        It is asked only for a plan that has such changes, and in no further exchange if diffs are
        asked for anyway.
        """
        return None

    def side_effects(self, changes: Sequence[tuple[str, Change[S]]], said: str, /) -> str | None:
        """Return a remark for the plan, by the output of `rehearsal`; None without any."""
        return None

    def unforeseen(self, change: Change[S], /) -> str | None:
        """Return a remark on what a plan cannot say of a change that is unknown itself."""
        return None

    def absence(self, change: Change[S], /) -> float:
        """
        Return the seconds for which the change may take the host away: a reboot; 0: not at all.

        For so long the run tries to connect again, and then goes on.
        """
        return 0.0

    def limit(self, change: Change[S], /) -> float:
        """Return the seconds that each command of this change may take."""
        return self.timeout
