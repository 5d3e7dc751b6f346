"""`cook pull`: a host converges itself to a signed revision of a repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.options import add_verbose
from cookbook.errors import PullError, UsageError

if TYPE_CHECKING:
    from cookbook.watch.pull import TrustedKeys

_OURS = ("--hosts", "--local", "--limit")


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.add_argument("--repo", required=True, metavar="URL", help="the repository, for git(1)")
    command.add_argument(
        "--ref",
        default="main",
        metavar="NAME",
        help="a branch (main), refs/tags/NAME, or a commit by all its digits",
    )
    keys = command.add_mutually_exclusive_group(required=True)
    keys.add_argument(
        "--allowed-signers", type=Path, metavar="FILE", help="SSH keys, see ssh-keygen(1)"
    )
    keys.add_argument("--keyring", type=Path, metavar="FILE", help="public keys of OpenPGP")
    command.add_argument(
        "--recipe",
        action="append",
        default=[],
        metavar="PATH",
        dest="recipes",
        help="a recipe in the repository; without one, this host's own (--hosts); more than one",
    )
    command.add_argument(
        "--hosts", metavar="PATH", help="the inventory in the repository; its host is this machine"
    )
    command.add_argument(
        "--host", metavar="NAME", help="which host of the inventory this is (its hostname)"
    )
    command.add_argument(
        "--allow-older", action="store_true", help="take a revision from before the last one, too"
    )
    command.add_argument("--drift", action="store_true", help="look only: `cook drift`")
    command.add_argument(
        "--print-unit",
        nargs="?",
        const="service",
        choices=("service", "timer"),
        help="print a unit file for systemd, and end",
    )
    command.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="-- OPTION",
        help="options of `cook converge`, after --",
    )
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.watch.pull import PulledRepository, TrustedKeys

    words = _more(options.words)
    if not options.recipes and options.hosts is None:
        raise UsageError("there is no recipe", hint="--recipe x.py, or --hosts hosts.yml")
    keys = TrustedKeys(options.allowed_signers, options.keyring)
    repository = PulledRepository(options.repo)
    if options.print_unit is not None:
        return _print_unit(options, keys, words)
    with repository.locked():
        commit = repository.accept(options.ref, keys, allow_older=options.allow_older)
        _say(f"{options.ref} is {commit}, its signature is good")
        return _converge(options, repository.work, commit, words)


def _more(words: Sequence[str]) -> list[str]:
    """Return the options for the run. Raises UsageError for those that pull has itself."""
    given = [*words[1:]] if words[:1] == ["--"] else [*words]
    if given and words[:1] != ["--"]:
        raise UsageError(
            f"{given[0]!r} is not understood", hint="options of converge come after --"
        )
    for word in given:
        if word.partition("=")[0] in _OURS:
            raise UsageError(f"{word} is an option of pull itself", hint="put it before --")
    return given


def _converge(options: argparse.Namespace, work: Path, commit: str, more: Sequence[str]) -> int:
    """Converge this machine to the files of the accepted revision."""
    from cookbook.cli import parsed

    recipes = [str(_inside(work, path)) for path in options.recipes]
    command = "drift" if options.drift else "converge"
    if options.hosts is None:
        words = [command, *recipes, "--local", *more]
        features = work / "features.yml"
        words += ["--features", str(features)] if features.is_file() else []
        run = parsed(words)
    else:
        inventory = _inside(work, options.hosts)
        run = parsed([command, *recipes, "--hosts", str(inventory), *more])
        run.this_machine = options.host or _hostname()
    run.known_as = commit
    run.verbose = options.verbose
    status: int = run.run(run)
    return status


def _inside(work: Path, path: str) -> Path:
    """Return a file of the revision. Raises PullError if it is not in it."""
    found = (work / path).resolve()
    if not found.is_relative_to(work.resolve()) or not found.is_file():
        raise PullError(f"{path} is no file of this revision")
    return work / path


def _hostname() -> str:
    import socket

    return socket.gethostname()


def _print_unit(options: argparse.Namespace, keys: TrustedKeys, more: Sequence[str]) -> int:
    from cookbook.watch.systemd import unit

    if options.print_unit == "timer":
        print(unit("cook-pull.timer", [], local=True), end="")
        return 0
    words = ["pull", "--repo", options.repo, "--ref", options.ref]
    kind = "--allowed-signers" if keys.signers is not None else "--keyring"
    words += [kind, str(keys.path.absolute())]
    for recipe in options.recipes:
        words += ["--recipe", recipe]
    words += ["--hosts", options.hosts] if options.hosts else []
    words += ["--host", options.host] if options.host else []
    words += ["--drift"] if options.drift else []
    words += ["--", *more] if more else []
    print(unit("cook-pull.service", words, local=True), end="")
    return 0


def _say(text: str) -> None:
    from cookbook.cli.progress import write

    write([("", text)], sys.stderr)
