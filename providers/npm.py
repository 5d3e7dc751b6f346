"""npm(1), with a token in a private configuration."""

from __future__ import annotations

from typing import LiteralString

from cookbook.provider import Command, Secret, holds_secret, sh
from cookbook.providers.private_folder import private_folder

# The configuration of the user holds as well: npm reads one file of a user.
_CONFIGURE: LiteralString = """\
f=$(npm_config_loglevel=silent {} config get userconfig) && [ -f "$f" ] || f=/dev/null
(umask 077; cat -- "$f" >"$cook_p/npmrc" && printf '\\n%s\\n' {} {} >>"$cook_p/npmrc") || exit
"""


def quiet(token: str | None) -> str | None:
    """Return a token as a Secret."""
    return token if token is None or holds_secret(token) else Secret(token)


def configured(program: str, registry: str | None, token: str | None) -> tuple[Command, Command]:
    """Return shell text that prepares npm, and the options that it needs then."""
    if registry is None:
        return sh(""), sh("")
    if token is None:
        return sh(""), sh("--registry {}", registry)
    place = registry.partition(":")[2].rstrip("/")
    text = sh(
        "{}{}",
        private_folder(),
        sh(_CONFIGURE, program, f"registry={registry}", f"{place}/:_authToken=" + token),
    )
    return text, sh('--userconfig "$cook_p/npmrc"')
