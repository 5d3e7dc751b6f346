"""The files of a suite on a release: hosts.yml, features.yml, a recipe that copies files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from cookbook.errors import KitchenError
from cookbook.inventory.host_driver import MadeHost
from cookbook.kitchen.suites.suite import KitchenSuite, SuiteHost
from cookbook.secrets.reference import SecretReference
from cookbook.text.suggest import did_you_mean

if TYPE_CHECKING:
    from cookbook.inventory import Host

_Layers = dict[str, dict[str, Any]]


def inventory_hosts(suite: KitchenSuite) -> Mapping[str, Host]:
    """
    Return the hosts of the suite as its inventory has them; none without an inventory.

    Raises KitchenError for a host that the inventory does not have, InventoryError and UsageError
    for a wrong inventory.
    """
    if suite.inventory is None:
        return {}
    from cookbook import inventory
    from cookbook.plugins.manager import plugins  # it registers the transports

    plugins()
    known = inventory.load(suite.inventory, suite.environment).hosts
    for name in suite.names:
        if name not in known:
            raise KitchenError(
                f"{suite.at}: {suite.inventory} has no host {name!r}",
                hint=did_you_mean(name, known) or f"hosts: [{next(iter(known), 'web1')}]",
            )
    without = [host.name for host in suite.hosts if not _recipes(suite, host, known)]
    if without and not suite.recipes:
        raise KitchenError(
            f"{suite.at}: host {without[0]} has no recipes, here or in {suite.inventory}",
            hint="give it a role in the inventory, or name `recipes:` in the suite",
        )
    return {name: known[name] for name in suite.names}


def write_inventory(suite: KitchenSuite, made: Sequence[MadeHost], path: Path) -> None:
    """Write the hosts.yml of the hosts that were made; it has what the suite says of them."""
    known, ways = inventory_hosts(suite), {one.name: one for one in made}
    hosts: _Layers = {}
    groups: dict[str, dict[str, list[str]]] = {}
    environments: _Layers = {}
    for host in suite.hosts:
        hosts[host.name] = {**ways[host.name].settings, **_declared(suite, host, known)}
        for group in _groups(suite, host.name, known):
            groups.setdefault(group, {"hosts": []})["hosts"].append(host.name)
        if host.name in known and (name := known[host.name].environment) is not None:
            hosts[host.name]["environment"] = name
            environments[name] = {}
    document = {"hosts": hosts, "groups": groups, "environments": environments}
    found = {key: value for key, value in document.items() if value}
    path.write_text(yaml.dump(found, Dumper=_Dumper, sort_keys=False), "utf-8")


def _declared(suite: KitchenSuite, host: SuiteHost, known: Mapping[str, Host]) -> dict[str, object]:
    """Return variables and recipes of a host; what is nearer to the suite wins."""
    base = known[host.name].vars if host.name in known else {}
    found: dict[str, object] = {"vars": {**base, **suite.vars, **host.vars}}
    if not suite.recipes:
        found["recipes"] = [str(path.absolute()) for path in _recipes(suite, host, known)]
    return found


def _recipes(suite: KitchenSuite, host: SuiteHost, known: Mapping[str, Host]) -> tuple[Path, ...]:
    own = known[host.name].recipes if host.name in known else ()
    return suite.recipes or host.recipes or own


def _groups(suite: KitchenSuite, host: str, known: Mapping[str, Host]) -> list[str]:
    own = known[host].groups if host in known else ()
    more = (name for name, members in suite.groups.items() if host in members)
    return list(dict.fromkeys([*own, *more]))


class _Dumper(yaml.SafeDumper):
    """Writes variables as an inventory may have them, references to secrets included."""

    def ignore_aliases(self, data: object) -> bool:
        """Write equal values each time: an inventory is to be read by people."""
        return True


def _secret(dumper: yaml.SafeDumper, reference: SecretReference) -> yaml.ScalarNode:
    return dumper.represent_scalar("!secret", reference.name)


_Dumper.add_representer(SecretReference, _secret)


def write_features(suite: KitchenSuite, path: Path) -> Path | None:
    """Return the features.yml of a suite, which is written if need be; None: it has none."""
    if suite.features is None or isinstance(suite.features, Path):
        return suite.features
    off = {"killed": "off in this suite"}
    said = {name: {"share": "100%"} if on else off for name, on in suite.features.items()}
    path.write_text(json.dumps(said), "utf-8")
    return path


def write_copies(files: Mapping[Path, str], folder: Path) -> Path:
    """Write a recipe that copies files and folders to all hosts; return its path."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "files").mkdir(parents=True)
    recipe = folder / "copies.py"
    lines = [_IMPORTS, *_copies(files, folder / "files")]
    recipe.write_text("\n".join(lines) + "\n", "utf-8")
    return recipe


_IMPORTS = "from cookbook.resources import directory, file, remote_directory\n"


def _copies(files: Mapping[Path, str], beside: Path) -> Iterator[str]:
    """Yield the lines of the recipe; each source is copied to a name of its own."""
    parents = dict.fromkeys(str(PurePosixPath(target).parent) for target in files.values())
    for parent in parents:
        if parent != "/":
            yield f"directory({parent!r}, recursive=True)"
    for number, (source, target) in enumerate(files.items()):
        if source.is_dir():
            shutil.copytree(source, beside / str(number))
            yield f"remote_directory({target!r}, source='{number}')"
        else:
            shutil.copy(source, beside / str(number))
            mode = f"{source.stat().st_mode & 0o777:04o}"
            yield f"file({target!r}, source='{number}', mode='{mode}')"
