"""The cases: who does what, how often, and what has to come of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from bench import contenders
from bench.clock import BenchError, Call, Sample, alternate, run, settle
from bench.cluster import ClusterFigures, make_fleet, measure
from bench.figures import Bar, Figure, Result, ratio
from bench.lab import Address, Lab, Site
from bench.many import PORT, ManyHosts, many_hosts

_HERE = Path(__file__).parent
_ANSIBLE_ADDS = "a cron job"
"""The first task of its playbook that changes what cook left: it has comments of its own."""


@dataclass(frozen=True)
class Effort:
    """How often each is run; 0: not at all."""

    fast: int = 7
    pyinfra: int = 3
    ansible: int = 3
    fresh: int = 3
    """Times a fresh host is made for each contender; the peers get one less."""

    hosts: int = 1000
    """The number of hosts of the case thousand-hosts."""

    simulated: tuple[int, int] = (1000, 5000)
    """The numbers of hosts of the case cluster."""

    ansible_on_many: int = 1
    """It takes minutes there."""

    def noop(self) -> dict[str, int]:
        """Return the rounds of each contender with nothing to do."""
        return {
            "ssh": self.fast,
            "paramiko": self.fast,
            "cook": self.fast,
            "pyinfra": self.pyinfra,
            "ansible": self.ansible,
        }


FULL = Effort()
QUICK = Effort(simulated=(500, 1000), fast=3, pyinfra=1, ansible=0, fresh=1, ansible_on_many=0)

Case = Callable[[Lab, Effort], Result]


def version(_lab: Lab, effort: Effort) -> Result:
    """`cook --version`: what every call pays."""
    call = Call("cook", [*contenders.cook_command(), "--version"])
    settle([call])
    figures = _figures("version", alternate([call], {"cook": effort.fast}))
    return Result(figures, [Bar("cook --version", figures[0].median, 0.15, "s")])


def noop_lan(lab: Lab, effort: Effort) -> Result:
    """W50, nothing to do, on the host next door."""
    site, rounds = lab.near(), effort.noop()
    _settle(site, rounds)
    return _noop("noop-lan", site, rounds, "LAN")


def noop_far(lab: Lab, effort: Effort) -> Result:
    """W50, nothing to do, 50 ms away."""
    rounds = {**effort.noop(), "ansible": min(2, effort.ansible)}
    _settle(lab.near(), rounds)  # the same host, and sooner
    with lab.far() as site:
        return _noop("noop-far", site, rounds, "50 ms")


def _noop(case: str, site: Site, rounds: Mapping[str, int], where: str) -> Result:
    samples = alternate(_everybody(site, rounds), rounds)
    figures = _figures(case, samples)
    exchanges = contenders.exchanges(samples["cook"][-1].output)
    bars = [
        Bar(f"W50, nothing to do, {where}: cook / ssh", ratio(figures, "cook", "ssh"), 2.0),
        Bar(
            f"W50, nothing to do, {where}: cook / paramiko",
            ratio(figures, "cook", "paramiko"),
            1.15,
        ),
        Bar(f"W50, nothing to do, {where}: exchanges", exchanges, 2, "exchanges"),
    ]
    return Result(figures, bars)


def noop_ten(lab: Lab, effort: Effort) -> Result:
    """W50, nothing to do, on 10 hosts; and the memory that takes."""
    site = lab.near(10)
    rounds = {**effort.noop(), "ssh": 0, "paramiko": 0, "ansible": effort.ansible_on_many}
    first = run(contenders.cook(site))
    _settle(site, rounds, f"--start-at-task={_ANSIBLE_ADDS}")
    samples = alternate(_everybody(site, rounds), rounds)
    figures = _figures("noop-ten", samples)
    megabytes = [sample.megabytes for sample in [first, *samples["cook"]]]
    memory = Figure("memory-ten", "cook", megabytes, "MB")
    one = alternate([contenders.cook(lab.near())], {"cook": effort.fast})["cook"]
    each = _cpu_each(samples["cook"], one, 10)
    bars = [
        Bar("W50, nothing to do, 10 hosts: cook / pyinfra", ratio(figures, "cook", "pyinfra"), 0.1),
        Bar("CPU of each further host", 1000 * median(each), 20, "ms"),
        Bar("10 hosts: memory, the most of all runs", max(megabytes), 100, "MB"),
    ]
    cpu = Figure("cpu-ten", "cook", [1000 * seconds for seconds in each], "ms")
    return Result([*figures, memory, cpu], bars)


def _cpu_each(many: Sequence[Sample], one: Sequence[Sample], hosts: int) -> list[float]:
    """Return the processor seconds of each further host, by runs with many hosts and with one."""
    base = median([sample.cpu for sample in one])
    return [(sample.cpu - base) / (hosts - 1) for sample in many]


def thousand(lab: Lab, effort: Effort) -> Result:
    """1,000 resources on one host, nothing to do."""
    site = lab.near()
    names = lab.run("dpkg-query -W -f '${Package}\\n' | head -n 100").split()
    call = contenders.cook(site, "w1000.py", "--set", f"packages=[{', '.join(names)}]")
    settle([call])
    figures = _figures("thousand", alternate([call], {"cook": effort.fast}))
    return Result(figures, [Bar("1,000 resources in line", figures[0].median, 1.5, "s")])


def all_types(lab: Lab, effort: Effort) -> Result:
    """500 resources of all types, nothing to do, on the host next door."""
    site = lab.fresh()
    recipe = lab.all_types(500)
    call = contenders.cook(site, str(recipe), "--as", "bench")
    run(call)
    settle([call])
    calls = [call, contenders.paramiko_true(site)]
    figures = _figures(
        "all-types", alternate(calls, dict.fromkeys(("cook", "paramiko"), effort.fast))
    )
    title = "500 resources of all types, nothing to do: cook / paramiko"
    return Result(figures, [Bar(title, ratio(figures, "cook", "paramiko"), 2.0)])


def files_far(lab: Lab, effort: Effort) -> Result:
    """200 files to write, 50 ms away."""
    samples: list[Sample] = []
    with lab.far() as site:
        call = contenders.cook(site, "files200.py")
        for _number in range(effort.fast // 2 + 1):
            lab.run("rm -rf /srv/files200 && mkdir /srv/files200")
            samples.append(run(call))
            _expect(call, samples[-1], 200)
    figures = _figures("files-far", {"cook": samples})
    most = max(contenders.exchanges(sample.output) for sample in samples)
    bars = [
        Bar("200 files to write, 50 ms: exchanges", most, 6, "exchanges"),
        Bar("200 files to write, 50 ms", figures[0].median, 3.0, "s"),
    ]
    return Result(figures, bars)


def fresh(lab: Lab, effort: Effort) -> Result:
    """W50, everything to do; and whether everybody does the same."""
    makers = {
        "script": (contenders.script, effort.fresh),
        "cook": (contenders.cook, effort.fresh),
        "pyinfra": (contenders.pyinfra, effort.fresh - 1),
        "ansible": (contenders.ansible, effort.fresh - 1),
    }
    samples: dict[str, list[Sample]] = {who: [] for who in makers}
    states: dict[str, str] = {}
    for number in range(effort.fresh):
        for who, (make, rounds) in makers.items():
            if number < rounds:
                samples[who].append(run(make(lab.fresh())))
                states[who] = lab.run((_HERE / "state.sh").read_text())
    figures = _figures("fresh", samples)
    bar = Bar("W50, everything to do: cook / script", ratio(figures, "cook", "script"), 1.5)
    return Result(figures, [bar], _unlike(states, "script"))


def rollout(lab: Lab, effort: Effort) -> Result:
    """Measure version 1 to 2 of the sample deploy_app: by cook, and by the same commands."""
    from tests.on_hosts.shop import PREPARE

    site = lab.fresh()
    lab.run(PREPARE)
    recipe = str(_HERE.parent / "sample_cookbooks/deploy_app/deploy_app.py")
    token = {"COOK_SECRET_SHOP_TOKEN": "open sesame"}

    def cook(version: str) -> Call:
        call = contenders.cook(site, recipe, "--set", f"revision={version}")
        return replace(call, environment=token)

    settle([cook("v1")])
    lab.run(_KEEP)
    calls = {"cook": cook("v2"), "script": contenders.rollout(site)}
    samples: dict[str, list[Sample]] = {who: [] for who in calls}
    for _ in range(effort.fast):
        for who, call in calls.items():
            lab.run(_RESET)
            samples[who].append(run(call))
            if "version 2" not in (said := lab.run("curl -s http://shop.internal/")):
                raise BenchError(f"after the rollout by {who}, the application says {said!r}")
    figures = _figures("rollout", samples)
    bar = Bar("Rollout of deploy_app: cook / script", ratio(figures, "cook", "script"), 1.2)
    return Result(figures, [bar])


_KEEP = "systemctl stop shop-8001 shop-8002; cp -a /srv/shop /srv/v1; cp -a /var/lib/cook /srv/cook"
_RESET = """
systemctl reset-failed
systemctl stop shop-8001 shop-8002; rm -rf /srv/shop /var/lib/cook
cp -a /srv/v1 /srv/shop && cp -a /srv/cook /var/lib/cook && systemctl start shop-8001 shop-8002
for n in 1 2 3 4 5 6 7 8 9; do curl -sf http://shop.internal/ | grep 'version 1' && break; sleep 0.3
done; sync
"""


def _unlike(states: Mapping[str, str], reference: str) -> list[str]:
    """Who left another state than the reference, with the first line that differs."""
    wanted = states[reference].splitlines()
    return [
        f"{who} left another state than the {reference}: {_difference(wanted, state.splitlines())}"
        for who, state in states.items()
        if state.splitlines() != wanted
    ]


def _difference(wanted: Sequence[str], found: Sequence[str]) -> str:
    lines = [*(f"-{line}" for line in wanted if line not in found)]
    lines += [f"+{line}" for line in found if line not in wanted]
    return " ".join(lines[:4]) or "the order of lines"


def _expect(call: Call, sample: Sample, changes: int) -> None:
    if (made := call.changes(sample.output)) != changes:
        raise BenchError(f"{call.who} made {made} changes, not {changes}")


def _settle(site: Site, rounds: Mapping[str, int], *for_ansible: str) -> None:
    """
    Let everybody do what there is to do, and cook once more.

    Ansible puts its name for a cron job between cook's and the job.
    """
    settle([contenders.cook(site), contenders.pyinfra(site)])
    if rounds["ansible"]:
        settle([contenders.ansible(site, *for_ansible), contenders.cook(site)])


def _everybody(site: Site, rounds: Mapping[str, int]) -> list[Call]:
    """Cook first: the others find what it left, so their additions are seen by nobody."""
    makers = {
        "cook": contenders.cook,
        "ssh": contenders.ssh_true,
        "paramiko": contenders.paramiko_true,
        "pyinfra": contenders.pyinfra,
        "ansible": contenders.ansible,
    }
    return [make(site) for who, make in makers.items() if rounds.get(who)]


def _figures(case: str, samples: Mapping[str, Sequence[Sample]]) -> list[Figure]:
    return [
        Figure(case, who, [sample.seconds for sample in runs])
        for who, runs in samples.items()
        if runs
    ]


def thousand_hosts(_lab: Lab, effort: Effort) -> Result:
    """1,000 hosts with 30 resources each, nothing to do, beside a plain `ssh host true`."""
    number = effort.hosts
    with tempfile.TemporaryDirectory(prefix="cook-many-", dir="/var/tmp") as folder:
        place = Path(folder)
        recipe = str(_HERE / "w30.py")
        command = [*contenders.cook_command(), "converge", recipe, "--no-record"]
        with many_hosts(place / "hosts", number, [*command, "--hosts", "HOSTS"]) as hosts:
            listed = place / "addresses"
            listed.write_text("".join(f"{where}\n" for where in hosts.addresses))
            words = ["xargs", "-a", str(listed), "-P", "50", "-n", "1", *_plain_ssh(hosts)]
            words = ["sh", "-c", 'exec "$0" "$@"', *words]
            state, apart = ({"COOK_STATE": str(place / name)} for name in ("state", "apart"))
            cook = [*contenders.cook_command(), "converge", recipe, "--output", "json"]
            cook = [*cook, "--hosts", str(hosts.hosts_yml)]
            both = [*cook, "--processes", "2"]
            calls = [
                Call("ssh", words),
                Call("cook", cook, contenders.cook_changes, state, document=True),
                Call("two processes", both, contenders.cook_changes, apart, document=True),
            ]
            samples = alternate(calls, {"ssh": 1, "cook": 2, "two processes": 2})
            history = run(
                Call("history", [*contenders.cook_command(), "history"], environment=state)
            )
    figures = _figures("thousand-hosts", samples)
    last = samples["cook"][-1]
    in_line = json.loads(last.output)["totals"]["ok"]
    if in_line != 30 * number:
        raise BenchError(f"{in_line} resources are in line, not {30 * number}")
    bars = [
        Bar(f"{number:,} hosts: cook / parallel ssh", ratio(figures, "cook", "ssh"), 2.0),
        Bar(f"{number:,} hosts: CPU of each", last.cpu / number * 1000, 20.0, "ms"),
        Bar(f"{number:,} hosts: memory of each", last.megabytes / number, 1.5, "MB"),
        Bar(f"{number:,} hosts: the history afterwards", history.seconds, 5.0, "s"),
    ]
    return Result(figures, bars)


def hundred_hosts(_lab: Lab, effort: Effort) -> Result:
    """Look at 30 resources on each of 100 such hosts, beside pyinfra and Ansible."""
    number = 100
    with tempfile.TemporaryDirectory(prefix="cook-many-", dir="/var/tmp") as folder:
        place = Path(folder)
        command = [*contenders.cook_command(), "converge", str(_HERE / "w30.py"), "--no-record"]
        with many_hosts(place / "hosts", number, [*command, "--hosts", "HOSTS"]) as hosts:
            at = [Address(f"h{i:03}", where, PORT) for i, where in enumerate(hosts.addresses)]
            site = Site(place / "site", at, hosts.identity)
            site.write_with(hosts.known_hosts.read_text())
            calls = [
                replace(contenders.cook(site, "w30.py"), environment={"COOK_STATE": str(place)}),
                contenders.pyinfra(site, "w30.py"),
                contenders.ansible(site, playbook="w30.yml"),
            ]
            rounds = {"cook": effort.fast, "pyinfra": 1, "ansible": effort.ansible_on_many}
            settle([call for call in calls if rounds[call.who]])
            samples = alternate(calls, rounds)
    figures = _figures("hundred-hosts", samples)
    bars = [Bar("100 hosts: cook / pyinfra", ratio(figures, "cook", "pyinfra"), 0.1)]
    return Result(figures, bars)


def _plain_ssh(hosts: ManyHosts) -> list[str]:
    """Return ssh(1) without anything that is kept, for xargs to add the address and `true`."""
    options = (
        f"IdentityFile={hosts.identity}",
        "IdentitiesOnly=yes",
        f"UserKnownHostsFile={hosts.known_hosts}",
        "StrictHostKeyChecking=yes",
        "RemoteCommand=true",
        "User=root",
        f"Port={PORT}",
    )
    return ["ssh", "-F", "none", *(word for option in options for word in ("-o", option))]


def simulated_cluster(_lab: Lab, effort: Effort) -> Result:
    """Look at 30 resources of each of many simulated hosts, by a cluster of this machine."""
    figures: list[Figure] = []
    found: list[ClusterFigures] = []
    for number in effort.simulated:
        with tempfile.TemporaryDirectory(prefix="cook-cluster-", dir="/var/tmp") as folder:
            one = measure(make_fleet(Path(folder), number))
        found.append(one)
        case = f"cluster-{number}"
        for who, megabytes in (
            ("client", one.client),
            ("scheduler", one.scheduler),
            ("workers", one.workers),
        ):
            figures.append(Figure(case, who, [megabytes], "MB"))
        figures += [Figure(case, "cook", [one.seconds]), Figure(case, "history", [one.history])]
    small, large = found
    growth = (large.cpu / large.hosts) / (small.cpu / small.hosts)
    text = f"CPU of each host, {large.hosts:,} / {small.hosts:,} hosts"
    return Result(figures, [Bar(text, growth, 1.25)])


CASES: dict[str, Case] = {
    "version": version,
    "noop-lan": noop_lan,
    "noop-far": noop_far,
    "thousand": thousand,
    "files-far": files_far,
    "noop-ten": noop_ten,
    "all-types": all_types,
    "fresh": fresh,
    "hundred-hosts": hundred_hosts,
    "thousand-hosts": thousand_hosts,
    "cluster": simulated_cluster,
    "rollout": rollout,
}
"""In the order in which they are run."""
