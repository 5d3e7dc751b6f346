"""
The stores of secrets, asked in this order until one has the name.

1. the environment: COOK_SECRET_DB_PASSWORD for `db/password`
2. the repository: `secrets.age.yml`, beside the recipe or above it
3. plugins: `cookbook_secret`
4. a command of the user's settings, for pass(1), vault and similar tools; it is asked last, because
   its "no such name" cannot be told from another failure
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cookbook.errors import SecretError
from cookbook.secrets.reference import SecretReference
from cookbook.secrets.secret import Secret
from cookbook.secrets.stores import command, environment
from cookbook.secrets.stores.document import SecretsFile, check_name, find_file
from cookbook.text.suggest import did_you_mean

MASTER = "master"
"""The secret that derived ones are made from."""


class Stores:
    """All stores, as a recipe sees them."""

    ask_plugins: Callable[[str], str | None] = staticmethod(lambda _: None)
    """Asks the plugins of this process for a secret; set by `cookbook.plugins.manager`."""

    def secret(self, name: str, folder: Path) -> Secret:
        """See SecretSource."""
        check_name(name)
        file = _file(folder)
        for value in self._answers(name, file):
            if value is not None:
                return Secret(value)
        raise _unknown(name, file)

    def derived(self, name: str, folder: Path, *, host: str, length: int, alphabet: str) -> Secret:
        """See SecretSource."""
        from cookbook.secrets.stores.derived import derive

        check_name(name)
        file = _file(folder)
        generation = file.generations.get(name, 1) if file is not None else 1
        return derive(self.secret(MASTER, folder), (name, host), generation, length, alphabet)

    def reveal(self, reference: SecretReference, folder: Path) -> Secret:
        """
        Return the secret that an inventory names. Raises SecretError with the place of the name.

        Raises SecretError with the place where it is named.
        """
        try:
            return self.secret(reference.name, reference.folder or folder)
        except SecretError as error:
            raise SecretError(f"{reference.at}: {error}", hint=error.hint) from None

    def _answers(self, name: str, file: SecretsFile | None) -> Iterator[str | None]:
        yield environment.get(name)
        yield file.get(name) if file is not None else None
        yield self.ask_plugins(name)
        yield command.get(name)


STORES = Stores()


def revealed(given: Secret | SecretReference | None) -> Secret | None:
    """Return a setting that is a secret; one that is only named is looked up."""
    if isinstance(given, SecretReference):
        return STORES.reveal(given, Path.cwd())
    return given


def _file(folder: Path) -> SecretsFile | None:
    path = find_file(folder)
    return SecretsFile.read(path) if path is not None else None


def _unknown(name: str, file: SecretsFile | None) -> SecretError:
    there = [*file.secrets] if file is not None else []
    near = did_you_mean(name, there)
    where = f"in {file.path}" if file is not None else "and no secrets.age.yml"
    known = f"; there are: {', '.join(there[:20])}" if there else ""
    return SecretError(
        f"there is no secret {name!r} {where}{f'; {near}' if near else known}",
        hint=f"cook secret {'set' if file is not None else 'init, then cook secret set'} {name};"
        f" or set {environment.variable(name)}",
    )
