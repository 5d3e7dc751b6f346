"""The needs of the archive of a toolchain: programs on the host, a folder above, options."""

from __future__ import annotations

from collections.abc import Iterator

from cookbook.provider import Command, sh
from cookbook.providers.remote_answers import tool_for
from cookbook.providers.toolchain_packages import ToolchainState
from cookbook.resources._toolchains import Toolchain


def hints_of(toolchain: Toolchain) -> ToolchainState:
    """Return all that tells how to install the archive."""
    return ToolchainState(
        language=toolchain.language,
        form=(toolchain.form or ("tar",))[0],
        strip=toolchain.strip_components,
        folder=True,
        sources=toolchain.addresses,
        build=toolchain.configure_options,
        above=own_above(toolchain),
        timeout=toolchain.timeout,
    )


def own_above(toolchain: Toolchain) -> str:
    """Return the folder above, if it is not the recipe's to make it."""
    return f"/opt/{toolchain.language}" if toolchain.path is None else ""


def archive_tools(toolchain: Toolchain) -> Iterator[tuple[str, Command]]:
    """Yield the programs that the host needs, each with the question for it."""
    form = toolchain.form
    if form is not None:
        yield form[1], sh("command -v {} || exit 4", form[1])
    fetch = tool_for(toolchain.addresses, plain=True)
    if fetch is not None:
        yield "curl", fetch
    if toolchain.configure_options is not None:
        yield "make", sh("command -v make || exit 4")
