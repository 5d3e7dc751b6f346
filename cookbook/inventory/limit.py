"""--limit: names, groups, globs, ranges and exclusions, into host names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cookbook.errors import UsageError
from cookbook.inventory.ranges import expand
from cookbook.text.glob import Glob, is_glob
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cookbook.inventory.host import Host


def limit(
    patterns: Sequence[str], hosts: Collection[str], groups: Mapping[str, Collection[str]]
) -> set[str]:
    """
    Return the hosts within the patterns; all of them without a pattern.

    `groups` has all hosts of each group, those of its subgroups too. Exclusions count wherever they
    stand. Raises UsageError for a pattern that matches nothing, for an empty one (an unset variable
    of a script must not mean every host), and if no host is left.
    """
    if not patterns:
        return set(hosts)
    terms = [term.strip() for pattern in patterns for term in pattern.split(",") if term.strip()]
    if not terms:
        raise UsageError("the limit is empty", hint="leave it out to mean every host")
    wanted = [_match(term, hosts, groups) for term in terms if not term.startswith("!")]
    unwanted = [_match(term[1:], hosts, groups) for term in terms if term.startswith("!")]
    left = set(hosts if not wanted else ()).union(*wanted).difference(*unwanted)
    if not left:
        raise UsageError(f"the limit {','.join(patterns)!r} leaves no host")
    return left


def those_of(
    said: str, names: Collection[str], hosts: Sequence[Host], *, limited: bool
) -> list[Host]:
    """
    Of these hosts, return those of a former run or plan.

    `names` are its hosts, `said` begins a sentence about them, like "the run was on"; `limited`
    says that there is a --limit. Raises UsageError if none is among the hosts, or if one is
    missing without a limit.
    """
    chosen = [host for host in hosts if host.name in names]
    missed = sorted({*names} - {host.name for host in chosen})
    if not missed or (chosen and limited):
        return chosen
    renamed = "a host that was renamed needs an inventory in which it has its name of then"
    if limited:
        raise UsageError(
            f"{said} {', '.join(sorted(names))}, none of which is within the limit", hint=renamed
        )
    rest = f"--limit {','.join(host.name for host in chosen)} leaves out what is missing; "
    raise UsageError(
        f"{said} {', '.join(missed)}, which the inventory does not have",
        hint=f"{rest if chosen else ''}{renamed}",
    )


def _match(term: str, hosts: Collection[str], groups: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    for name in [term] if term in groups or term in hosts else _expanded(term):
        if name in groups:
            found.update(groups[name])
        elif name in hosts:
            found.add(name)
        elif is_glob(name):
            found.update(filter(Glob(name).fits, hosts))
    if not found:
        raise _no_match(term, hosts, groups)
    return found


def _expanded(term: str) -> list[str]:
    try:
        return expand(term)
    except ValueError as error:
        raise UsageError(f"limit {term!r}: {error}") from None


def _no_match(
    term: str, hosts: Collection[str], groups: Mapping[str, Collection[str]]
) -> UsageError:
    if term in groups:
        return UsageError(f"the limit {term!r} is a group without hosts")
    if (hint := _of_ansible(term)) is not None:
        return UsageError(f"the limit {term!r} matches no host and no group", hint=hint)
    hint = did_you_mean(term, [*hosts, *groups])
    if is_glob(term):
        named = list(filter(Glob(term).fits, groups))
        hint = f"a glob is for hosts; name the groups: {','.join(named)}" if named else None
    return UsageError(f"the limit {term!r} matches no host and no group", hint=hint)


def _of_ansible(term: str) -> str | None:
    """Return what a pattern of Ansible is here; None if it is none."""
    if term == "all":
        return "'*' means every host; so does no --limit"
    if term.startswith("~"):
        return "regular expressions are not known; a glob is: 'web*'"
    if term.startswith("@"):
        return f'files are not read; have the shell do it: --limit "$(paste -sd, {term[1:]})"'
    parts = re.split(r":(?![^\[]*\])", term)  # not that of a range [1:9]
    if any(part.startswith("&") for part in parts):
        return "there is no `:&`; a group in hosts.yml can name the hosts that are in both"
    if len(parts) > 1:
        return f"the separator is a comma: --limit '{','.join(filter(None, parts))}'"
    return None
