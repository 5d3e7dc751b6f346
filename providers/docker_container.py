"""Containers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from cookbook.errors import Missing
from cookbook.provider import (
    Change,
    Command,
    Content,
    Probe,
    Secret,
    Thing,
    join,
    keep_output,
    provides,
    sh,
)
from cookbook.providers.container_commands import (
    LIMITS,
    completion,
    connect,
    creation,
    kept_variables,
    replacement,
    restoration,
    shell,
    start,
    update,
)
from cookbook.providers.containers import (
    FORM,
    IMAGE_FORM,
    State,
    env_block,
    found_in,
    nameless_in,
    wanted_of,
    written_in,
)
from cookbook.providers.docker import DockerProvider, briefly, docker, has_client, row, table
from cookbook.providers.docker_network import DockerNetworkProvider
from cookbook.providers.podman import as_docker, is_podman
from cookbook.resources._docker import at, bare
from cookbook.resources.docker_container import DockerContainer

_IN_PLACE = frozenset({"called", "restart", "networks", "running", "paused", "unfinished", *LIMITS})

_BY_PODMAN = _IN_PLACE - {"restart", *LIMITS}


@provides(DockerContainer)
class DockerContainerProvider(DockerProvider[DockerContainer, State]):
    """Compares with `docker container inspect`."""

    kind = "docker_container"
    what = "container"
    form = FORM
    again = frozenset({"restart"})
    tells_no_secret = True  # the log of a container that has one is not in the output
    supersedes: ClassVar[Mapping[str, frozenset[str]]] = {"restart": frozenset({"start"})}

    def probe(self, container: DockerContainer) -> Sequence[Probe]:
        """Ask for the container, the former ones, its image and its networks."""
        asked = [
            self.ask(container, container.name),
            self.ask(container, f"{container.name}.former", loose=True),
            self.ask(container, f"{container.name}.before", loose=True),
        ]
        if container.former_name is not None:
            asked.append(self.ask(container, container.former_name))
        if not container.wants:
            return asked
        image = table("image", IMAGE_FORM, container.host)
        asked.append(image.about(container.reference, loose=True))
        networks = table("network", DockerNetworkProvider.form, container.host)
        asked += [networks.about(one, loose=True) for one in container.network_names]
        return asked

    def parse(self, container: DockerContainer, text: str, *rest: Any) -> State | None:
        """Return the container, under its present or its former name."""
        answers = list(rest)
        said, former, before = row(text), row(answers.pop(0)), row(answers.pop(0))
        if container.former_name is not None:
            other = row(answers.pop(0))
            said = said if said is not None else other
        if said is None and before is not None and container.wants:
            said = {**before, "name": container.name}
        image = row(answers[0]) if container.wants else None
        defaults = image["config"] if image is not None else {}
        state = State(
            there=False,
            former=str(former["id"]) if former is not None else None,
            image_now=str(image["id"]) if image is not None else None,
            defaults=json.dumps(defaults),
            reference=container.reference if container.wants else "",
            deadline=container.deadline,
            settle=container.settle,
            host=container.host,
        )
        if said is None:
            return state
        podman = is_podman(said)
        said = as_docker(container, said, defaults)
        fields = found_in(container, said, defaults)
        unfinished = True if before is not None else None
        return replace(state, there=True, podman=podman, unfinished=unfinished, **fields)

    def plan(self, container: DockerContainer, found: State | None) -> Change[State]:
        """Compare every property; an undeclared one is as the image has it."""
        doing, now = set(container.doing), found or State()
        there = found if self.there(found) else None
        if "delete" in doing:
            return Change(there, None)
        if there is None and not container.wants:
            if doing <= {"stop", "nothing"}:
                return Change(None, None)
            raise Missing(
                f"there is no container {container.name}",
                thing=container.identity,
                hint="`run` makes one",
            )
        running, paused = _wished(doing)
        wanted = replace(now, there=True, id=None, running=running, paused=paused)
        if container.wants:
            fields = wanted_of(container, json.loads(now.defaults))
            unfinished = False if now.unfinished else None
            wanted = replace(wanted, image=now.image_now, unfinished=unfinished, **fields)
        act = "restart" if "restart" in doing and there is not None else None
        change = Change(there, wanted, act)
        warning = "its health check fails" if now.unhealthy and not _anew(change) else None
        note = _note(change)
        return replace(change, note=note, warning=warning)

    def contents(self, container: DockerContainer) -> Mapping[str, bytes]:
        """Return the variables that are secrets."""
        data = env_block(container.secrets)
        return {Content.of(data): data} if container.secrets else {}

    def commands(self, name: str, change: Change[State]) -> Iterator[Command]:
        """Make, replace, change or remove it."""
        found, wanted = change.found, change.wanted
        side = wanted or found or State()
        name, call = bare(name), docker(side.host)
        if wanted is None:
            yield sh("{} rm -f {} >/dev/null", call, name)
            others = [f"{name}.former", f"{name}.before"]
            yield sh("{} rm -f {} >/dev/null 2>&1 || :", call, others)
        elif found is None:
            made = creation(name, wanted)
            if wanted.running:
                undo = sh("{ s=$?; d rm -f {} >/dev/null 2>&1; exit $s; }", name)
                made = sh("{} && { {} || {}; }", made, start(name), undo)
            yield briefly(shell(wanted, made), f"run the container {name}")
        elif wanted.id is not None and wanted.id != found.id:
            yield restoration(name, wanted)
        elif _anew(change):
            yield replacement(name, found, wanted)
        else:
            yield from _changes(name, change, found, wanted)

    def foretold(
        self, container: DockerContainer, found: State | None, earlier: Mapping[Thing, Any]
    ) -> str | None:
        """Return which image it will have; what that has by default is known once it is there."""
        if not container.wants:
            return None
        thing = Thing("docker_image", at(container.host, container.reference))
        there = found if self.there(found) else None
        image = getattr(earlier.get(thing), "image", None)
        was = there.image if there is not None else None
        return None if image is None or image == was else f"image: {was or '-'} -> {image}"

    def needs(self, container: DockerContainer, *answers: str | None) -> Iterable[Thing]:
        """Yield the image and the networks."""
        rest = list(answers[4 if container.former_name is not None else 3 :])
        image = rest.pop(0) if rest else None
        if not has_client(image) or row(image) is None:
            yield Thing("docker_image", at(container.host, container.reference))
        names = container.network_names
        for network, said in zip(names, rest or [None] * len(names), strict=False):
            if network != "bridge" and (not has_client(said) or row(said) is None):
                yield Thing("docker_network", at(container.host, network))

    def wants(self, resource: DockerContainer) -> bool:
        """Return whether the resource wants the container to exist."""
        return resource.wants

    def about(self, container: DockerContainer) -> Iterable[Thing]:
        """Yield the container and its image: another one under the same tag is seen."""
        yield from super().about(container)
        if container.wants:
            yield Thing("docker_image", at(container.host, container.reference))

    def there(self, state: State | None) -> bool:
        """Return whether there is a container."""
        return state is not None and state.there

    def amounts_to(self, change: Change[State]) -> frozenset[str]:
        """Return that a new container is a restarted one."""
        if change.kind == "create" or _anew(change):
            return frozenset({"restart", "start"})
        return super().amounts_to(change)

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former container itself, if it was replaced."""
        there = now if self.there(now) else None
        before = change.found
        if before is None or not before.there:
            return Change(there, None)
        before = replace(before, unfinished=None)
        if change.wanted is not None and _anew(change):
            return Change(there, before)
        if there is None:
            return Change(None, replace(before, id=None))
        return super().back(name, change, there)

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the values of variables that are in no plan, of a container that is removed."""
        found = change.found
        if change.wanted is not None or found is None or not found.secrets:
            return None
        return keep_output(kept_variables(bare(name), found))

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Add their digest."""
        if change.found is not None and change.found.other_env is None and kept.strip():
            return replace(change, found=replace(change.found, other_env=Content(kept.strip())))
        return change

    def ask_back(self, resource: DockerContainer, change: Change[State]) -> DockerContainer:
        """Return the container with the names of its variables: history keeps no secrets."""
        sides = [side for side in (change.found, change.wanted) if side is not None]
        plain = (one.partition("=") for side in sides for one in side.env or ())
        other = {name: Secret("?") for side in sides for name in side.secrets}
        return replace(resource, env={**other, **{name: value for name, _, value in plain}})

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return why a former container does not come back."""
        before = change.found
        if before is None:
            return None
        if change.wanted is None and before.secrets and before.other_env is None:
            return f"the values of {', '.join(before.secrets)} were not kept"
        if change.wanted is not None and _anew(change) and (now is None or now.former != before.id):
            return "the former container is not there any more"
        return None

    def lost(self, name: str, change: Change[State]) -> str | None:
        """Say what a removed container had in it."""
        return "what was written inside it" if change.wanted is None and change.found else None

    def rehearsal(self, changes: Sequence[tuple[str, Change[State]]]) -> Command | None:
        """Ask what was written inside containers that are replaced or removed."""
        names = [
            change.found.called
            for _, change in changes
            if change.found is not None and (change.wanted is None or _anew(change))
        ]
        if not names:
            return None
        host = changes[0][1].found.host if changes[0][1].found is not None else None
        volume = '{{if eq .Type "volume"}}V {{.Name}} {{.Destination}}{{println}}{{end}}'
        mounts = "{{range .Mounts}}M {{.Destination}}{{println}}" + volume + "{{end}}"
        ask = sh(
            'for n in {}; do {} diff "$n" 2>/dev/null | head -n 500\n'
            '{} container inspect --format {} "$n" 2>/dev/null; done',
            *(names, docker(host), docker(host), mounts),
        )
        return briefly(ask, f"docker diff {' '.join(map(str, names))}")

    def side_effects(self, changes: Sequence[tuple[str, Change[State]]], said: str) -> str | None:
        """Return what is lost, or in the former container only."""
        removed = changes[0][1].wanted is None
        told = []
        if paths := written_in(said):
            where = "is lost" if removed else "stays in the former container only"
            more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
            told.append(f"what was written inside it {where}: {', '.join(paths[:5])}{more}")
        if places := nameless_in(said):
            where = "belongs to no container then" if removed else "stays with the former one"
            told.append(f"what is in its volumes without a name {where}: {', '.join(places)}")
        return "; ".join(told) or None

    def limit(self, change: Change[State]) -> float:
        """Its deadline, and the time to stop the former one."""
        side = change.wanted or change.found
        if side is None:
            return self.timeout
        stop = (change.found.stop_timeout or 0) if change.found is not None else 0
        return self.timeout + side.deadline + stop


def _wished(doing: set[str]) -> tuple[bool | None, bool | None]:
    """Return whether it is to run and to be paused; None leaves it as it is."""
    if "stop" in doing:
        return False, False
    running = True if doing & {"run", "start", "restart", "unpause"} else None
    if "pause" in doing:
        return running, True
    return running, False if running else None


def _anew(change: Change[State]) -> bool:
    """Return whether a change needs a new container."""
    if change.found is None or change.wanted is None:
        return False
    fields = {*change.fields}
    unlimited = any(not change.fields[one][1] for one in LIMITS if one in fields)
    return bool(fields - (_BY_PODMAN if change.found.podman else _IN_PLACE)) or unlimited


def _changes(name: str, change: Change[State], found: State, wanted: State) -> Iterator[Command]:
    fields, call = change.fields, docker(wanted.host)
    if "unfinished" in fields:
        yield completion(name, found, wanted)
        fields = {what: fields[what] for what in fields if what != "running"}
    if "called" in fields:
        name = wanted.called or name  # an undo leads to the former name
        yield sh("{} rename {} {}", call, found.called, name)
    if (command := update(name, [*fields], wanted)) is not None:
        yield command
    if "networks" in fields:
        before, after = map(_by_name, fields["networks"])
        changed = [net for net in before if before[net] != after.get(net)]
        left = [sh("d network disconnect {} {}", net, name) for net in changed]
        joined = [
            connect(name, net, also) for net, also in after.items() if also != before.get(net)
        ]
        yield shell(wanted, join([*left, *joined], " && "))
    if "paused" in fields and found.paused:
        yield sh("{} unpause {} >/dev/null", call, name)
    if fields.get("running", (None, None))[1] is False:
        yield sh("{} stop -t {} {} >/dev/null", call, wanted.stop_timeout, name)
    elif "running" in fields or change.act == "restart":
        verb = sh("restart -t {}", wanted.stop_timeout) if found.running else sh("start")
        body = sh("d {} {} >/dev/null && cook_up {}", verb, name, name)
        yield briefly(shell(wanted, body), f"docker {verb} {name}")
    if fields.get("paused", (None, None))[1]:
        yield sh("{} pause {} >/dev/null", call, name)


def _by_name(networks: Sequence[str]) -> dict[str, str]:
    parts = (one.partition(" ") for one in networks)
    return {name: aliases for name, _, aliases in parts}


def _note(change: Change[State]) -> str | None:
    if _anew(change):
        called = change.wanted.called if change.wanted is not None else ""
        return f"a new container is made; the former one is kept as {called}.former"
    if "unfinished" in change.fields and change.kind == "update":
        return "its replacement was cut off: it stays if it is healthy, or else the former one"
    return None
