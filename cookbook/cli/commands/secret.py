"""`cook secret`: the encrypted file of a repository. No value is ever an argument."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.errors import SecretError, UsageError

if TYPE_CHECKING:
    from cookbook.secrets.stores.document import SecretsFile

Options = argparse.Namespace

_LENGTH = 32


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare what it can do."""
    words = command.add_subparsers(metavar="WHAT", required=True)
    for name, (run, text) in _WORDS.items():
        word = words.add_parser(name, help=text, description=text)
        word.add_argument(
            "--file", type=Path, metavar="FILE", help="secrets.age.yml here, or above in git"
        )
        word.set_defaults(run=run, verbose=0)
        if name in {"set", "edit", "view", "rotate", "remove"}:
            word.add_argument("name", metavar="NAME")
        _add_own(word, name)


def _add_own(word: argparse.ArgumentParser, name: str) -> None:
    if name == "init":
        word.add_argument("--recipient", action="append", default=[], metavar="KEY", dest="more")
    if name == "rekey":
        word.add_argument("--add", action="append", default=[], metavar="KEY", dest="more")
        word.add_argument("--remove", action="append", default=[], metavar="KEY", dest="fewer")
    if name == "rotate":
        word.add_argument("--length", type=int, default=_LENGTH, help=f"letters ({_LENGTH})")
        word.add_argument(
            "--derived", action="store_true", help="the next generation of what derived() makes"
        )


def _init(options: Options) -> int:
    from cookbook.secrets.stores import age
    from cookbook.secrets.stores.document import NAME, SecretsFile, identities, own_identity
    from cookbook.secrets.stores.lookup import MASTER
    from cookbook.text.user_dirs import private_folder

    path: Path = options.file or Path(NAME)
    if path.exists():
        raise UsageError(f"{path} is there already", hint="add a recipient with: cook secret rekey")
    keys = identities()
    if not keys:
        keys = [own_identity()]
        private_folder(keys[0].parent)
        age.new_identity(keys[0])
        print(f"your private key is {keys[0]}: keep a copy; without it, nothing can be read")
    ours = [public for key in keys[:1] for public in age.public_keys(key)]
    print(*(f"your public key is {public}" for public in ours), sep="\n")
    file = SecretsFile(path, list(dict.fromkeys([*ours, *options.more])))
    file.having(MASTER, _random(64)).write()
    return 0


def _list(options: Options) -> int:
    from cookbook.text.sanitize import one_line

    print("".join(f"{one_line(name)}\n" for name in _file(options).secrets), end="")
    return 0


def _view(options: Options) -> int:
    """Print a secret: the only command that does."""
    value = _value(_file(options), options.name)
    sys.stdout.write(value if value.endswith("\n") else f"{value}\n")
    return 0


def _set(options: Options) -> int:
    _file(options).having(options.name, _typed(options.name)).write()
    return 0


def _edit(options: Options) -> int:
    from cookbook.secrets.stores.editing import edited

    file = _file(options)
    before = file.get(options.name) or ""
    after = edited(before)
    if after == before:
        print("nothing was changed")
        return 0
    file.having(options.name, after).write()
    return 0


def _rotate(options: Options) -> int:
    file = _file(options)
    if options.derived:
        file = file.renewed(options.name)
        file.write()
        print(f"{options.name} is generation {file.generations[options.name]}")
        return 0
    _value(file, options.name)  # a misspelt name makes no new secret
    if options.length < 8:
        raise UsageError(f"a secret of {options.length} letters can be guessed")
    file.having(options.name, _random(options.length)).write()
    return 0


def _remove(options: Options) -> int:
    file = _file(options)
    _known(file, options.name)
    file.without(options.name).write()
    return 0


def _rekey(options: Options) -> int:
    file = _file(options)
    if strangers := [key for key in options.fewer if key not in file.recipients]:
        raise UsageError(f"{strangers[0]} is not among the recipients of {file.path}")
    kept = [key for key in [*file.recipients, *options.more] if key not in options.fewer]
    file.rekeyed(list(dict.fromkeys(kept))).write()
    if options.fewer:
        print("who could read it before still can, in git: rotate what they know")
    return 0


def _file(options: Options) -> SecretsFile:
    from cookbook.secrets.stores.document import SecretsFile, find_file

    path = options.file or find_file(Path.cwd())
    if path is None:
        raise SecretError("there is no secrets.age.yml here", hint="cook secret init makes one")
    return SecretsFile.read(path)


def _known(file: SecretsFile, name: str) -> None:
    from cookbook.text.suggest import did_you_mean

    if name not in file.secrets:
        raise SecretError(
            f"there is no secret {name!r} in {file.path}",
            hint=did_you_mean(name, file.secrets) or f"cook secret set {name}",
        )


def _value(file: SecretsFile, name: str) -> str:
    _known(file, name)
    return file.get(name) or ""


def _typed(name: str) -> str:
    """
    Return a value from a pipe, or typed twice without echo.

    The newline that echo(1) adds to a single line is removed.
    """
    if not sys.stdin.isatty():
        text = sys.stdin.read()
        return text[:-1] if text.endswith("\n") and text.count("\n") == 1 else text
    import getpass

    value = getpass.getpass(f"{name}: ")
    if getpass.getpass(f"{name}, again: ") != value:
        raise UsageError("these are not the same")
    return value


def _random(length: int) -> str:
    import secrets

    from cookbook.secrets.stores.derived import ALPHABET

    return "".join(secrets.choice(ALPHABET) for _ in range(length))


_WORDS: dict[str, tuple[Callable[[Options], int], str]] = {
    "init": (_init, "make a key, if you have none, and a file of secrets"),
    "set": (_set, "set a value, from standard input or as you type it"),
    "edit": (_edit, "change a value in $EDITOR"),
    "view": (_view, "print a value"),
    "list": (_list, "print the names"),
    "remove": (_remove, "remove a name"),
    "rotate": (_rotate, "replace a value by a new random one"),
    "rekey": (_rekey, "encrypt everything anew, for other recipients"),
}
