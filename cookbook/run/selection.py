"""The part of the declared resources that a run is about: tags, ids, recipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cookbook.errors import UsageError
from cookbook.language.collection import Declared
from cookbook.text.glob import Glob
from cookbook.text.suggest import did_you_mean

_TAGS = "its tags are not chosen"
_ONLY = "--only does not name it"
_RECIPE = "its recipe is not chosen"

NOT_CHOSEN = (_TAGS, _ONLY, _RECIPE)
"""The reasons for which a run is not about a resource: it says nothing of it."""


@dataclass(frozen=True)
class Selection:
    """
    The resources that are looked at; the others are skipped, unless they are notified.

    All resources are declared nevertheless, so that none of the others counts as orphaned.
    """

    tags: frozenset[str] = frozenset()
    """If not empty: only resources with one of these tags."""

    skip_tags: frozenset[str] = frozenset()
    """Resources with one of these tags are left out."""

    only: Sequence[Glob] = ()
    """If not empty: only resources with such an id, e.g. `service[nginx]`."""

    recipes: Sequence[Path] = ()
    """If not empty: only resources that one of these recipes declares, or what it imports."""

    def left_out(self, declared: Declared) -> str | None:
        """Return the reason why the run is not about this resource; None if it is."""
        tags = {*declared.resource.tags}
        if tags & self.skip_tags or (self.tags and not tags & self.tags):
            return _TAGS
        if self.only and not any(glob.fits(str(declared.resource)) for glob in self.only):
            return _ONLY
        if self.recipes and declared.recipe not in self.recipes:
            return _RECIPE
        return None

    def check(self, declared: Iterable[Declared], *, complete: bool) -> None:
        """
        Raise UsageError for a tag or an id that no declared resource has.

        `complete` is False if some recipes are not compiled yet; then everything may come.
        """
        if complete and (self.tags or self.skip_tags or self.only):
            resources = [one.resource for one in declared]
            self._check_tags({tag for resource in resources for tag in resource.tags})
            self._check_ids({str(resource) for resource in resources})

    def _check_tags(self, known: set[str]) -> None:
        for tag in sorted((self.tags | self.skip_tags) - known):
            raise UsageError(
                f"no resource has the tag {tag!r}",
                hint=did_you_mean(tag, known) or f"there are: {', '.join(sorted(known)) or 'none'}",
            )

    def _check_ids(self, known: set[str]) -> None:
        for glob in self.only:
            if not any(glob.fits(one) for one in known):
                raise UsageError(
                    f"--only {glob}: no such resource is declared",
                    hint=did_you_mean(str(glob), known)
                    or "name it as a report does: 'service[nginx]', 'file[/etc/nginx/*]'",
                )


EVERYTHING = Selection()
"""No resource is left out."""
