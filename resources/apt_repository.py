"""Repositories of packages for apt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import ClassVar, Literal

from cookbook.errors import RecipeError
from cookbook.language.recipe import find
from cookbook.provider import LARGE, Resource, recipe_function
from cookbook.resources._arguments import refuse_secrets
from cookbook.resources._openpgp import BEGIN, read_keys
from cookbook.resources.file import absolute

_URL = re.compile(r"(https?|file)://\S+")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~:/-]*|\./|/")
_OWN = frozenset(
    {"types", "uris", "suites", "components", "architectures", "signed-by", "trusted", "arch"}
)


class AptRepository(Resource):
    """
    A repository of packages for apt: Chef's `apt_repository`.

    It is a file NAME.sources in /etc/apt/sources.list.d, its key is in /etc/apt/keyrings, and apt
    takes the key for this repository only. When it has changed, the lists of this repository are
    fetched; if that fails, the former file stays.

    Example::

        apt_repository(
            "example",
            uri="https://packages.example.com/debian",
            key="https://packages.example.com/key.asc",
            fingerprint="0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567",
        )
    """

    category: ClassVar[str] = "packages"

    unique: ClassVar[bool] = True

    counterparts: ClassVar[Mapping[str, str]] = {
        "dnf": "yum_repository",
        "yum": "yum_repository",
        "zypper": "zypper_repository",
    }

    uri: str | Sequence[str] | None = None
    """The address of the repository."""

    distribution: str | Sequence[str] | None = None
    """
    The suite, e.g. "bookworm-backports"; None: the code name of the host. "./" is a folder of
    packages without suites.
    """

    components: str | Sequence[str] = ()
    """The components; "main" if none is given."""

    arch: str | Sequence[str] = ()
    """The architectures; those of the host if none is given."""

    deb_src: bool = False
    """True: source packages, too."""

    trusted: bool = False
    """True: packages are taken without any signature."""

    key: str | None = field(default=None, metadata=LARGE)
    """
    The key that signs the repository: an armored text, a file beside the recipe in `files/`, or
    an address from which the host fetches it; with an address `fingerprint` is needed.
    """

    fingerprint: str | Sequence[str] = ()
    """The fingerprints of the keys that `key` has: of all of them, and of no other."""

    signed_by: str | None = None
    """The path of a keyring that is on the host already, instead of `key`."""

    options: Mapping[str, str] = field(default_factory=dict)
    """More fields of sources.list(5), e.g. {"Check-Valid-Until": "no"}."""

    format: Literal["sources", "list"] = "sources"
    """Write deb822 text into NAME.sources, or one line for each suite into NAME.list."""

    cache_rebuild: bool = True
    """Fetch the lists of the repository when it has changed."""

    cache_rebuild_ignore_failure: bool = False
    """Write the file even if the lists cannot be fetched."""

    lock_timeout: int = 120
    """Seconds to wait while another process is at the lists."""

    action: Literal["add", "remove", "nothing"] = "add"

    def validate(self) -> None:
        """Check name, addresses, words, and the key with its fingerprint."""
        passwords = "apt reads passwords from /etc/apt/auth.conf.d: apt_auth.conf(5)"
        refuse_secrets(self, self.uris, self.key, self.options, hint=passwords)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.name):
            raise RecipeError(
                f"{self}: apt reads no file of this name",
                hint="letters, digits, hyphens, dots and underscores",
            )
        for uri in self.uris:
            if uri.startswith("ppa:"):
                raise RecipeError(
                    f"{self}: a PPA names neither its address nor its key, and what Launchpad"
                    " answers is checked by nothing",
                    hint="say uri= with the address that its page shows, and key= with its key",
                )
            if not _URI.fullmatch(uri) or "[" in uri or "]" in uri:
                raise RecipeError(f"{self}: {uri!r} is no address of a repository")
        if self.action == "add" and not self.uris:
            raise RecipeError(f"{self}: `add` needs a uri")
        for word in (*self.suites, *texts(self.components), *texts(self.arch)):
            if not _WORD.fullmatch(word):
                raise RecipeError(f"{self}: {word!r} is no word of sources.list(5)")
        self._check_options()
        self._check_key()

    def _check_options(self) -> None:
        for name, value in self.options.items():
            if name.lower() in _OWN:
                raise RecipeError(f"{self}: {name} is a property of its own, no option")
            if not re.fullmatch(r"[A-Za-z-]+", name) or not re.fullmatch(r"\S+", value):
                raise RecipeError(f"{self}: {name}={value!r} is no option of sources.list(5)")
        if self.lock_timeout < 0:
            raise RecipeError(f"{self}: seconds cannot be negative")

    def _check_key(self) -> None:
        if self.signed_by is not None:
            absolute(self, self.signed_by)
        if self.key is not None and self.signed_by is not None:
            raise RecipeError(f"{self}: key and signed_by cannot both be given")
        for given in self.fingerprints:
            if not re.fullmatch("[0-9A-F]{40}", given):
                raise RecipeError(
                    f"{self}: {given!r} is no fingerprint of 40 hexadecimal digits",
                    hint="a key ID is too short to be safe",
                )
        if self.fingerprints and self.key is None:
            raise RecipeError(f"{self}: a fingerprint needs a key")
        if self.key_url is None:
            self._check_given(self.key)
        elif not self.fingerprints:
            raise RecipeError(
                f"{self}: a key from an address needs its fingerprint",
                hint="`gpg --show-keys FILE` shows it; take it from another place than the key",
            )

    def _check_given(self, text: str | None) -> None:
        if text is None:
            return
        if re.fullmatch(r"(0x)?[0-9A-Fa-f]{8,40}", text):
            raise RecipeError(
                f"{self}: keys are not fetched from key servers by their number",
                hint="give the armored text, a file of files/, or an address with fingerprint=",
            )
        if BEGIN not in text:
            text = find(text, "files").read_text("utf-8", "replace")
        object.__setattr__(self, "key", f"{text.strip()}\n")
        self._check_text(text)

    def _check_text(self, text: str) -> None:
        try:
            keys = read_keys(text)
        except ValueError as error:
            raise RecipeError(f"{self}: the key cannot be read: {error}") from None
        if any(key.revoked for key in keys):
            raise RecipeError(f"{self}: the key is revoked")
        has = {key.fingerprint for key in keys}
        if self.fingerprints and has != {*self.fingerprints}:
            raise RecipeError(
                f"{self}: the key has the fingerprint {' '.join(sorted(has))},"
                f" not {' '.join(self.fingerprints)}"
            )

    @property
    def uris(self) -> Sequence[str]:
        """The addresses."""
        return texts(self.uri)

    @property
    def suites(self) -> Sequence[str]:
        """The suites; none for the code name of the host."""
        return texts(self.distribution)

    @property
    def fingerprints(self) -> Sequence[str]:
        """The fingerprints without blanks, in upper case, sorted."""
        given = (self.fingerprint,) if isinstance(self.fingerprint, str) else self.fingerprint
        return sorted(re.sub(r"\s", "", one).upper() for one in given)

    @property
    def key_url(self) -> str | None:
        """The address of the key; None if its text is known."""
        return self.key if self.key is not None and _URL.fullmatch(self.key) else None

    def file_of(self, format: str) -> str:
        """Return the path of the file with the repository in a format."""
        return f"/etc/apt/sources.list.d/{self.name}.{format}"

    @property
    def keyring(self) -> str:
        """The path of the key."""
        return f"/etc/apt/keyrings/{self.name}.asc"

    def text(self, codename: str) -> str:
        """Return the text of the file."""
        suites = self.suites or (codename,)
        flat = all(suite.endswith("/") for suite in suites)
        parts = () if flat else (texts(self.components) or ("main",))
        types = ("deb", "deb-src") if self.deb_src else ("deb",)
        signed = self.signed_by or (self.keyring if self.key is not None else "")
        more = {"Trusted": "yes" if self.trusted else "", "Signed-By": signed, **self.options}
        arch = texts(self.arch)
        if self.format == "list":
            given = {"arch": ",".join(arch), **{n.lower(): value for n, value in more.items()}}
            said = " ".join(f"{name}={value}" for name, value in given.items() if value)
            head = f" [{said}]" if said else ""
            lines = [
                " ".join((f"{kind}{head}", uri, suite, *parts))
                for kind in types
                for uri in self.uris
                for suite in suites
            ]
        else:
            fields = {
                "Types": " ".join(types),
                "URIs": " ".join(self.uris),
                "Suites": " ".join(suites),
                "Components": " ".join(parts),
                "Architectures": " ".join(arch),
                **more,
            }
            lines = [f"{name}: {value}" for name, value in fields.items() if value]
        return "".join(f"{line}\n" for line in lines)


def texts(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the words of a property that is one text, or several, or None."""
    if given is None:
        return ()
    return tuple(given.split()) if isinstance(given, str) else tuple(given)


apt_repository = recipe_function(AptRepository)
