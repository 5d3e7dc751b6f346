"""Which versions packages are to have, by what is installed and what repositories offer."""

from __future__ import annotations

from cookbook.errors import HostError, Missing
from cookbook.providers.named_versions import ANY, BY, NEWEST, Versions
from cookbook.providers.rpm import matches, order
from cookbook.providers.rpm_state import RepositoryOffer, State, is_exact
from cookbook.resources._rpm import RpmPackage


def _fits(declared: str | None, have: str) -> bool:
    """Return whether a version that is there is the declared one, if one is."""
    return declared is None or any(matches(declared, one) for one in have.split(" "))


def others(declared: str | None, have: str) -> str:
    """Return the versions that stay when the declared one is removed, or any if none is."""
    if declared is None:
        return ""
    return " ".join(one for one in have.split(" ") if not matches(declared, one))


def goals(package: RpmPackage, now: State, before: Versions) -> Versions:
    """Return each package, and the version that it is to have."""
    offered = {offer.name: offer for offer in now.offers}
    return {
        name: _goal(package, name, before.get(name), offered.get(name), now.metadata)
        for name in package.names
    }


def _goal(
    package: RpmPackage, name: str, have: str | None, offer: RepositoryOffer | None, metadata: str
) -> str:
    declared = package.versions[name]
    if have is not None and _fits(declared, have):
        upgrades = "upgrade" in package.doing and declared is None and is_exact(have)
        return _newest(have, offer, metadata) if upgrades else have
    if metadata == "none" or (metadata == "old" and not _has(offer, declared)):
        target = declared or ANY
    else:
        target = _pick(name, declared, offer)
    exact = have is not None and is_exact(have) and not package.allow_downgrade
    if exact and have is not None and order(target) < order(have.split(" ")[-1]):
        raise HostError(
            f"{name} is at {have}, and would go back to {target}",
            hint="allow_downgrade=True lets it",
        )
    return target if metadata == "fresh" or declared is not None else ANY


def _newest(have: str, offer: RepositoryOffer | None, metadata: str) -> str:
    """Return the version that an upgrade leads to."""
    if metadata == "none":
        return NEWEST
    candidate = offer.candidate if offer is not None else None
    if candidate is None or order(candidate) <= order(have.rsplit(" ", maxsplit=1)[-1]):
        return have
    return candidate if metadata == "fresh" else NEWEST


def _has(offer: RepositoryOffer | None, declared: str | None) -> bool:
    if offer is None:
        return False
    return declared is None or any(matches(declared, one) for one in offer.all)


def _pick(name: str, declared: str | None, offer: RepositoryOffer | None) -> str:
    """
    Return the version that the tool would install.

    Raises Missing if no repository has it, HostError if several packages provide the name.
    """
    some = offer.all if offer is not None else ()
    if declared is not None and (fitting := [v for v in some if matches(declared, v)]):
        return fitting[0]
    if declared is None and offer is not None and offer.candidate is not None:
        return offer.candidate
    providers = [*offer.providers] if offer is not None else []
    if declared is not None or not providers:
        there = f"; there is {', '.join(some)}" if some else ""
        what = name if declared is None else f"{name} {declared}"
        raise Missing(
            f"no repository of this host has the package {what}{there}",
            thing=name,
            hint="is it spelled so? does the recipe add its repository before?",
        )
    if len(providers) > 1:
        raise HostError(
            f"{name} is but a name, and several packages provide it: {', '.join(providers)}",
            hint="say which of them",
        )
    return BY + providers[0]


def refuse_removal(now: State, before: Versions) -> None:
    """Raise HostError for a name that other packages provide."""
    providers = {name: others for name, *others in map(str.split, now.providers)}
    for name, have in before.items():
        if have.startswith(BY):
            others = providers.get(name) or [have.removeprefix(BY)]
            raise HostError(
                f"{name} is but a name, provided by {' and '.join(others)}",
                hint=f"say {' or '.join(map(repr, others))}",
            )
