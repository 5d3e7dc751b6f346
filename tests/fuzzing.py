"""
What strangers say, bent at random, given to whoever has to understand it.

Hosts, plan files, inventories and journals are not ours: whatever is in them, the outcome is a
value or a CookError, soon, and without much memory. `scripts/fuzz` runs this for as long as it
is told; each finding names the seed that makes it again.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime as dt
import functools
import io
import json
import random
import resource as limits
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import paramiko

from cookbook import inventory as inventories
from cookbook.applying.manifest import Manifest, ManifestEntry
from cookbook.approval import planfile, policy_file
from cookbook.cli.report_lines import step_lines
from cookbook.errors import CookError
from cookbook.features.reader import load_features
from cookbook.history import ignore_rules
from cookbook.history import journal_reader as journals
from cookbook.hosts.probing import Question, state_text
from cookbook.inventory import schema as inventory_schema
from cookbook.inventory.sources.asking import SourceAnswer, _without
from cookbook.inventory.sources.containers import listed
from cookbook.inventory.sources.entries import DeclaredSource
from cookbook.inventory.sources.program import translated
from cookbook.inventory.sources.query import SourceQuery
from cookbook.language.collection import Node
from cookbook.language.probe import Probe
from cookbook.language.provider import AnyProvider, making_sense, questions
from cookbook.language.resource import Resource
from cookbook.language.serialize import change_from_json, to_json
from cookbook.planning.owed import Owed
from cookbook.plugins.manager import catalog
from cookbook.plugins.registry import known
from cookbook.script import stash
from cookbook.script.facts import parse_facts
from cookbook.script.lock import halting, holding
from cookbook.script.program import Ask, Do, Outcome, Pace, Program
from cookbook.script.shell import Command
from cookbook.secrets.stores import document as secrets
from cookbook.testing import DEBIAN, declare
from cookbook.text.diff import texts_diff
from cookbook.text.sanitize import json_text, one_line
from cookbook.text.yaml_value import Value
from cookbook.transport import ssh_config
from cookbook.transport.known_hosts import load_known_hosts
from cookbook.transport.openssh import refusals
from cookbook.transport.paramiko_ssh import host_certificates
from cookbook.transport.target import Target as Somewhere
from cookbook.watch.metrics import RunMetrics
from cookbook.watch.settings import read_watch
from tests.data import read_yaml

CASES = Path(__file__).parent / "cases"

SLOW = 1.0
"""Seconds of a processor that one input may take."""

STUCK = 60.0
"""Seconds that one input may take on a busy machine, with what it waits for."""

MOST_MEMORY = 1 << 30
"""Bytes that all inputs together may take."""

NONCE = "6e6f6e6365"

SIGNS = [
    *(b"\n", b"\0", b"\x1b[2J", b"\r", b"\t", b" ", b":", b"=", b"'", b'"', b"\\", b"/", b"#"),
    *(b"[", b"{", b"}", b"]", b",", b"-", b"@", b"|1|", b"!", b"&a", b"*a", b"? ", b"%s", b"..."),
    *(b"\xff", b"\xc3", "\u202e".encode(), "\u2028".encode(), "ß".encode(), "٣".encode(), b"\x85"),
    *(b"0", b"-1", b"9" * 30, b"1e999", b"NaN", b"0x10", b"1_0", b"true", b"null", b"~", b"!!set"),
    *(b"\n6e6f6e6365 0\n", b"\n6e6f6e6365\n", b"6e6f6e6365", b"halt ", b"held ", b"\n@", b"cook-"),
]

ODD: list[Any] = [None, True, -1, 0, 1e308, 10**40, "", "\0", "\udcff", "x" * 5000, [], {}, [[]]]
ODD += [{"": None}, {"__class__": "x"}, ["x", 1, None], "../../etc/passwd", "\x1b[2J"]


@dataclass(frozen=True)
class Target:
    """Somebody who has to understand what strangers say."""

    name: str
    seeds: Sequence[bytes]
    feed: Callable[[bytes, random.Random], object]
    bend: Callable[[bytes, random.Random], bytes] | None = None
    """How an input is made of a seed, where that is not any bytes in any place."""

    turns: int = 1
    """How often it is fed, compared with the others: who is fast, more often."""


@dataclass
class Fuzz:
    """Inputs, and what came of them."""

    targets: Sequence[Target]
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    findings: dict[str, str] = field(default_factory=dict)
    """By what is wrong: each once."""

    def run(self, seconds: float, most: int) -> int:
        """Go on until the time is over, or there were enough; the number of inputs."""
        end, done = time.monotonic() + seconds, 0
        turns = [target for target in self.targets for _ in range(target.turns)]
        while done < most and time.monotonic() < end:
            target = turns[done % len(turns)]
            self.one(target, f"{self.seed}:{done}")
            done += 1
        return done

    def one(self, target: Target, seed: str) -> None:
        """One input, and what came of it."""
        rng = random.Random(seed)  # noqa: S311 - to be made again, not to be secret
        data = (target.bend or bent)(rng.choice(target.seeds), rng)
        begun, since = time.process_time(), time.monotonic()
        try:
            target.feed(data, rng)
        except CookError:
            pass
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            what = f"{target.name}: {type(error).__name__} at {place}"
            self._find(what, seed, data, traceback.format_exc())
        took, waited = time.process_time() - begun, time.monotonic() - since
        self.counts[target.name] += 1
        self.slowest[target.name] = max(took, self.slowest.get(target.name, 0.0))
        if took > SLOW or waited > STUCK:
            self._find(
                f"{target.name}: too slow", seed, data, f"{took:.1f} s, {waited:.1f} s in all"
            )

    def _find(self, what: str, seed: str, data: bytes, why: str) -> None:
        text = f"{what}\nseed {seed}, input {data[:500]!r}\n{why}"
        self.findings.setdefault(what, text)


def bent(data: bytes, rng: random.Random) -> bytes:
    """A few bytes more, less or others; rarely a great many."""
    for _ in range(rng.choice((1, 1, 2, 3, 5))):
        at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
        to = min(to, at + rng.choice((1, 4, 16, 200)))
        match rng.randrange(8):
            case 0:
                data = data[:at] + data[to:]
            case 1:
                data = data[:to] + data[at:]
            case 2:
                data = data[:at]
            case 3:
                data = data[:at] + rng.randbytes(to - at) + data[to:]
            case 4 if rng.random() < 0.02:
                data = data[:at] + rng.choice(SIGNS) * rng.choice((1000, 20_000)) + data[at:]
            case _:
                data = data[:at] + rng.choice(SIGNS) + data[rng.choice((at, to)) :]
    return data


def bent_json(data: bytes, rng: random.Random) -> bytes:
    """A document whose shape is bent, and that is JSON still."""
    if rng.random() < 0.2:
        return bent(data, rng)
    document = json.loads(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        document = _bent_value(document, rng)
    return json.dumps(document).encode()


def _bent_value(value: Any, rng: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return rng.choice(ODD)
    keys = list(value) if isinstance(value, dict) else range(len(value))
    key = rng.choice(keys)
    copy = cast("Any", dict(value) if isinstance(value, dict) else list(value))
    match rng.randrange(10):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[str(rng.choice(ODD))] = copy[key]
        case _:
            copy[key] = _bent_value(copy[key], rng)
    return copy


def text_of(data: bytes) -> str:
    """As what hosts say is read."""
    return data.decode("utf-8", "surrogateescape")


# -- who is fed --------------------------------------------------------------------------------


def _reply(data: bytes, rng: random.Random) -> None:
    """A reply in pieces of any size, by somebody who knows the nonce."""
    ask = Command("x", "x")
    parts = tuple(Ask(ask) if i % 2 else Do(ask, 9) for i in range(rng.choice((1, 3, 8))))
    program = Program(parts, nonce=NONCE)
    pace = Pace(program)
    streams = [data, bent(_ERR, rng) if rng.random() < 0.3 else _ERR]
    while any(streams) and not pace.complete:
        stream = rng.choice([i for i in (0, 1) if streams[i]])
        size = rng.choice((1, 7, 100, 70_000))
        pace.hear(streams[stream][:size], stream=stream)
        streams[stream] = streams[stream][size:]
        assert pace.deadline
    list(program.partial(bytes(pace.kept[0]), bytes(pace.kept[1]), pace))
    program.outcomes(bytes(pace.kept[0]), bytes(pace.kept[1]), pace)


_OUT = b"noise\n6e6f6e6365 77\n" + b"".join(
    b"answer %d\n\n6e6f6e6365 %d\n" % (i, i % 3) for i in range(8)
)
_ERR = b"login\n6e6f6e6365\n" + b"oh\n6e6f6e6365\n" * 8


def _facts(data: bytes, _: random.Random) -> None:
    one_line(str(parse_facts(text_of(data))))


def _locks(data: bytes, _: random.Random) -> None:
    one_line(f"{halting(text_of(data))} {holding(text_of(data))}")


def _stash(data: bytes, _: random.Random) -> None:
    stash.mtime(text_of(data))
    stash.entries(text_of(data))


def _manifest(data: bytes, _: random.Random) -> None:
    manifest = Manifest("web", "run", known)
    manifest.read(text_of(data))
    list(manifest.owed)


def _known_hosts(data: bytes, rng: random.Random) -> None:
    with _file(data) as path:
        load_known_hosts.cache_clear()
        found = load_known_hosts((path,))
        for name in ("web1", "[192.0.2.1]:2222"):
            found.key_types(name, 22)
            found.check(name, rng.choice((22, 2222)), "ssh-ed25519", b"key")


def _ssh_config(data: bytes, rng: random.Random) -> None:
    """What ssh says where it was asked how a host is reached, and what it says of a login."""
    answer = ssh_config._parse(text_of(data))
    for name in ("web1", "-oProxyCommand=x", "[::1]:22"):
        with contextlib.suppress(CookError):
            found = ssh_config.understand(answer, name, password=rng.random() < 0.5)
            one_line(str(found))
            replace(_SOMEWHERE, **found.fields)


def _ssh_says(data: bytes, rng: random.Random) -> None:
    said = text_of(data)
    refusals.was_dropped(said)
    behind = replace(_SOMEWHERE, via=rng.choice((None, _SOMEWHERE)))
    given = rng.random() < 0.2
    for error in (
        refusals.refusal(behind, said, password_given=given),
        refusals.not_led_on(behind, said, said.splitlines()),
    ):
        one_line(f"{error} {error.hint if error else None}")


def _certificate(data: bytes, rng: random.Random) -> None:
    """A host's, by whose key it is and who vouches for it; the caller takes SSHException."""
    authorities, certificates = _certified()
    with _file(authorities) as path:
        known = load_known_hosts((path,))
    try:
        if host_certificates.is_certificate(data):
            key = host_certificates.certified_key(data)
            why = host_certificates.objection(known, _SOMEWHERE, data, rng.choice((key, b"other")))
            if why is None:  # how a signature is written down may be bent, but not what it is of
                signed = {host_certificates.read_certificate(one).signed for one in certificates}
                assert host_certificates.read_certificate(data).signed in signed, "a bent one"
            one_line(why or "")
    except paramiko.SSHException:
        pass


def _inventory(data: bytes, _: random.Random) -> None:
    with _file(data) as path:
        found = inventories.load(path)
        for host in found.hosts:
            list(found.explain(host))
        found.check(found.select(), {"given": data[:5].hex()})


def _program(data: bytes, _: random.Random) -> None:
    query = SourceQuery("program", Value("./x", "f:1"), _FOLDER, 1.0)
    _source(query, translated(query, data))


def _containers(data: bytes, _: random.Random) -> None:
    settings = Value({"group_by": Value("role", "f:1")}, "f:1")
    query = SourceQuery("docker", settings, _FOLDER, 1.0)
    _source(query, listed(query, data))


def _source(query: SourceQuery, answer: Mapping[str, Any]) -> None:
    """The answer of a source, as it is read before it is kept, and in an inventory of its own."""
    source = DeclaredSource(query, without=frozenset({"size"}))
    kept = json.loads(json.dumps(_without(answer, source.without)))
    told = SourceAnswer(source, kept, query.warnings)
    with contextlib.suppress(CookError):
        inventory_schema._SourceReader(inventory_schema._Reader(_FOLDER), told).answered()
    found = inventories.from_data({**kept, "hosts": {"own": None, **kept["hosts"]}})
    for host in found.hosts:
        one_line("".join(f"{origin.value}{origin.at}" for origin in found.explain(host)))
    one_line("".join(told.told))


_FLEET = inventories.from_data(
    {
        "hosts": {"web1": {"vars": {"tier": "front", "shop": "a"}}, "db1": {"vars": {"n": 3}}},
        "groups": {"web": {"hosts": ["web1"]}},
    }
)


def _features(data: bytes, _: random.Random) -> None:
    """Features, and the answer for each host."""
    with _file(data) as path:
        found = load_features(path, _FLEET, dt.datetime(2026, 12, 1, tzinfo=dt.UTC))
    for host in _FLEET.hosts.values():
        node = Node(host.name, DEBIAN, host.vars, host.groups)
        for name in found.features:
            one_line(found.ask(name, node).why)


def _watch(data: bytes, _: random.Random) -> None:
    with _file(data) as path:
        for group in read_watch(path).groups:
            assert 1_800_000_000 < group.next_turn(1_800_000_000) <= 1_800_000_001 + group.every
            group.mode(1_800_000_000)


def _metrics(data: bytes, _: random.Random) -> None:
    with _file(data) as path:
        metrics = RunMetrics()
        metrics.read(path, 1_800_000_000, len)
    metrics.text()


def _ignores(data: bytes, _: random.Random) -> None:
    with _file(data) as path:
        ignore_rules.load(path)


def _rules(data: bytes, _: random.Random) -> None:
    with _file(data) as path:
        policy_file.read_reviewer(path)


def _secrets(data: bytes, _: random.Random) -> None:
    with _file(data) as path:
        secrets._read(path, 0, len(data))


def _journal(data: bytes, _: random.Random) -> None:
    with io.BytesIO(data) as file, contextlib.suppress(ValueError):
        run = journals.told(Path("j"), file, alive=False)
        json_text([step.document for host in run.hosts.values() for step in host.steps])


def _plan(data: bytes, _rng: random.Random) -> None:
    """Also one that was sealed anew by whoever has bent it."""
    with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
        document = json.loads(data)
        document.pop("seal", None)
        document["seal"] = planfile._seal(document, None)
        data = json.dumps(document).encode()
    with _file(data) as path:
        plan = planfile.load(path)
        for planned in plan.hosts.values():
            for _, line in (line for step in planned.steps for line in step_lines(step)):
                one_line(line)


def _diff(data: bytes, rng: random.Random) -> None:
    other = bent(data, rng) * rng.choice((1, 1, 50))
    one_line(str(texts_diff("x", data * rng.choice((1, 1, 50)), other)))


@contextlib.contextmanager
def _file(data: bytes) -> Iterator[Path]:
    path = _FOLDER / "input"
    path.write_bytes(data)
    yield path


_MEMORY = "/dev/shm"
"""Where files cost no writing to a disk."""

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-", dir=_MEMORY if Path(_MEMORY).is_dir() else None))


# -- providers, by their cases -----------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A resource, who serves it, and what a host may say."""

    resource: Resource
    provider: AnyProvider
    probes: Sequence[Probe]
    answers: Sequence[bytes]


def cases() -> Iterator[Case]:
    """Of all cases of tests/cases, those that declare something."""
    for path in sorted(CASES.glob("*.yml")):
        for case in read_yaml(path):
            with contextlib.suppress(CookError):
                yield _case(case)


def _case(case: Mapping[str, Any]) -> Case:
    facts = replace(DEBIAN, **case.get("facts", {}))
    [declared, *_] = declare(case["declare"], facts, CASES)
    provider = catalog().choose(declared.resource, facts)
    given = case["answers"] if "answers" in case else [case.get("answer", "")]
    texts = [one.get("stdout", "") if isinstance(one, dict) else one or "" for one in given]
    answers = [str(text).encode("utf-8", "surrogateescape") for text in texts]
    return Case(declared.resource, provider, questions(provider, declared.resource), answers)


_ANSWERED = "@+ a\n@- b\n@^ c\n@a\n@r \n"


def _provider_target(name: str, given: Sequence[Case]) -> Target:
    seeds = [b"%d:" % i for i in range(len(given))]

    def feed(data: bytes, rng: random.Random) -> None:
        _judged(given[int(data[:-1])], rng)

    return Target(name, seeds, feed, lambda seed, _: seed, turns=10)


def _judged(case: Case, rng: random.Random) -> None:
    """As the engine does it: ask, understand, plan, make commands, tell of it."""
    texts: list[str | None] = []
    for i, probe in enumerate(case.probes):
        data = case.answers[i] if i < len(case.answers) else b""
        data = bent(data, rng) if rng.random() < 0.7 else data
        status = rng.choice((0, 0, 0, 0, 1, 2, 4, 127, probe.absent or 0))
        outcome = Outcome(status, data, bent(b"no\n", rng))
        question = Question(probe.question, [probe], probe.table)
        [(_, answer)] = question.read(outcome)
        texts.append(state_text(probe, answer))
    found = None if texts and texts[0] is None else case.provider.understand(case.resource, *texts)
    case.provider.there(found)
    change = case.provider.plan(case.resource, found)
    if change.needed:
        list(case.provider.commands(case.resource.identity, change))
        with making_sense(case.resource):
            list(case.provider.missing(case.resource, *texts))
        case.provider.lost(case.resource.identity, change)
        case.provider.learned(change, text_of(bent(b"there\n1.5\n", rng)), _ANSWERED)
    one_line(str(dict(change.fields)))
    if not case.resource.sensitive:
        change_from_json(case.provider.state, json.loads(json.dumps(to_json(change))))


# -- all of them -------------------------------------------------------------------------------


def targets() -> list[Target]:
    """Everybody who is fed."""
    by_provider: dict[str, list[Case]] = {}
    for case in cases():
        by_provider.setdefault(f"provider {case.provider.name}", []).append(case)
    facts = (
        b"kernel=Linux\nos.ID=debian\nos.VERSION_ID=\"12\"\nos.ID_LIKE='a b'\nhostname=h\n"
        b"arch=x86_64\nmachine_id=0123\ntool=apt-get\ntool=nft\naddress=192.0.2.1\nuid=0\nmemory=1\n"
    )
    held = b'halt {"by": "a@b", "since": "2026", "until": "2027"}\nheld {"by": "x", "run": "y"}\n'
    return [
        Target("reply", [_OUT, _OUT[:40]], _reply, turns=40),
        Target("facts", [facts], _facts, turns=10),
        Target("locks", [held], _locks, turns=10),
        Target(
            "stash", [b"1767225600 1767225600.123456789\n", b"abc 12 1767225600\n"], _stash, turns=5
        ),
        Target("manifest", [_manifest_seed()], _manifest, turns=10),
        Target("known_hosts", [_KNOWN], _known_hosts),
        Target("ssh_config", [_G], _ssh_config, turns=5),
        Target("what ssh says", [_SAID], _ssh_says, turns=5),
        Target("certificate", _certified()[1], _certificate, turns=5),
        Target("inventory", [_HOSTS, _LAYERS], _inventory, turns=3),
        Target("program", [_ANSIBLE], _program, _bent_answer, turns=10),
        Target("containers", [_DOCKER_PS, _PODMAN_PS], _containers, _bent_answer, turns=5),
        Target("features", [_FEATURES], _features, turns=3),
        Target("watch", [_WATCH], _watch),
        Target("metrics", [_METRICS], _metrics),
        Target("ignores", [_IGNORES], _ignores),
        Target("rules", [_RULES], _rules),
        Target("secrets", [_SECRETS], _secrets),
        Target("journal", [_JOURNAL], _journal, _bent_lines, turns=10),
        Target("plan", [_plan_seed()], _plan, bent_json),
        Target("diff", [b"one\ntwo\nthree\n" * 20, b"a\n" * 500, b"x" * 3000], _diff),
        *(_provider_target(name, given) for name, given in by_provider.items()),
    ]


def _bent_lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines()
    i = rng.randrange(len(lines))
    lines[i] = bent_json(lines[i], rng)
    return b"\n".join(lines) + b"\n"


def _bent_answer(data: bytes, rng: random.Random) -> bytes:
    return bent_json(data, rng) if rng.random() < 0.7 else bent(data, rng)


def _manifest_seed() -> bytes:
    entry = ManifestEntry(
        "file", "/etc/motd", True, {"resource": "file", "name": "/etc/motd"}, "r.py:1", "run"
    )
    owed = Owed("service[x]", "restart", "file[/x]", "run")
    return f"@web\n{entry.line}\n{owed.line}\n@other\n{entry.line}\n".encode()


_KNOWN = (
    b"web1,192.0.2.1 ssh-ed25519 a2V5 comment\n@revoked * ssh-rsa b3RoZXI=\n# x\n"
    b"|1|c2FsdA==|aGFzaA== ssh-ed25519 a2V5\n[192.0.2.1]:2222 ssh-ed25519 a2V5\n!web2,web* x eA==\n"
)
_G = b"""\
user deploy
hostname 192.0.2.1
port 2222
addressfamily any
batchmode no
canonicalizehostname false
identitiesonly yes
hostkeyalias web
ciphers chacha20-poly1305@openssh.com,aes128-ctr
hostkeyalgorithms ssh-ed25519,rsa-sha2-512
requiredrsasize 1024
identityagent SSH_AUTH_SOCK
identityfile ~/.ssh/id_%h
identityfile ${HOME}/x
certificatefile ~root/.ssh/%C-cert.pub
userknownhostsfile /root/.ssh/known_hosts /root/.ssh/known_hosts2
globalknownhostsfile /etc/ssh/ssh_known_hosts
proxyjump deploy@door:22,[::1]:2222
proxycommand none
connecttimeout 5
securitykeyprovider internal
pkcs11provider none
bindaddress 192.0.2.9
"""
_SAID = b"""\
Stdio forwarding request failed: Session open refused by peer
channel 2: open failed: administratively prohibited: open failed
@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:abcdef.
Offending ECDSA key in /root/.ssh/known_hosts:7
Certificate invalid: expired
No ED25519 host key is known for web1 and you have requested strict checking.
Host key verification failed.
Permission denied (publickey,gssapi-with-mic).
"""
_FEATURES = b"""\
new_tls: {share: 25.5%, by: shop, groups: [web], note: x}
later: {from: 2026-11-24, until: "2026-12-24T18:00 Europe/Berlin", hosts: ["web*", "!db1"]}
modern: {when: 'version(facts.version) >= version("12") and vars.tier in ("front", "x")'}
old: {killed: it crashes, always: web1, never: [db1]}
odd: {when: 'not matches(name, "w*") or (1 < vars.n <= 3 and groups is not None)'}
"""

_WATCH = b"""\
defaults: {every: 30m, splay: 2m, recipes: [base.py]}
groups:
  web: {every: 15m, do: converge, window: {days: mon-fri, from: "22:00", to: "05:00"}, prune: true}
  "*": {every: 6h, timeout: 20m, record: true}
at_once: 3
notify:
  - webhook: !secret hooks/ops
    events: [drift, failed]
    remind: 12h
  - mail: {to: [a@b.c], from: d@e.f, smtp: "mail:25", tls: none, user: x, password: !secret y}
  - command: [/usr/bin/tell, ops]
"""

_METRICS = b"""\
# HELP cook_runs_total Runs by their result.
# TYPE cook_runs_total counter
cook_runs_total{group="r",mode="converge",result="ok"} 1.0
# TYPE cook_host_last_run_timestamp_seconds gauge
cook_host_last_run_timestamp_seconds{group="r",host="web1"} 1.79e+09
# TYPE cook_run_duration_seconds histogram
cook_run_duration_seconds_bucket{group="r",le="+Inf",mode="drift"} 1.0
cook_run_duration_seconds_sum{group="r",mode="drift"} 0.2
"""

_HOSTS = b"""\
defaults: {user: admin, become: sudo, port: 22, known_hosts: ~/.ssh/known_hosts}
hosts:
  web[01:03].example.net: {vars: {a: 1, b: [x, y], c: {d: e}}, groups: [web]}
  db1: &db {address: 192.0.2.7, password: !secret db/password}
  db2: *db
groups:
  web: {hosts: ["web[01:02].example.net"], vars: {tier: front}, groups: [all2]}
  all2: {priority: 3}
"""
_LAYERS = b"""\
defaults: {user: admin, environment: e, vars: {a: 1}}
hosts:
  web[01:03].example.net: {vars: {a: 1, b: [x, y], c: {d: e}}}
  db1: {address: 192.0.2.7, password: !secret db/password}
groups:
  web: {hosts: ["web[01:02].example.net"], vars: {tier: front}, groups: [all2], environment: f}
  all2: {port: 3, hosts: [db1]}
environments:
  e: {vars: {a: 2}, port: 4, groups: {web: {vars: {a: 3}}, all2: {port: 5}}}
  f: {}
schema:
  required: [a, tier]
  properties:
    a: {type: integer, minimum: 2}
    b: {items: {enum: [x], pattern: ^x$}}
    c: {$ref: "#/$defs/c"}
  $defs: {c: {additionalProperties: false, anyOf: [{type: string}, {required: [d]}]}}
"""
_ANSIBLE = b"""\
{"_meta": {"hostvars": {"web1": {"ansible_host": "192.0.2.1", "ansible_port": "22", "size": 3,
 "ansible_become": true, "ansible_connection": "ssh", "x": {"__ansible_unsafe": "y"}},
 "win1": {"ansible_connection": "winrm"}}},
 "all": {"children": ["web", "ungrouped"], "vars": {"ansible_user": "ops", "l": [1, {"a": "b"}]}},
 "web": {"hosts": ["web1", "win1"], "vars": {"ansible_private_key_file": "k"}, "children": ["in"]},
 "in": ["db1"], "ungrouped": {"hosts": ["lonely"]}}
"""
_DOCKER_PS = b"""\
{"ID":"0f1e","Image":"nginx:1","Labels":"role=front,a=b","Names":"web,x"}
"""
_PODMAN_PS = b"""\
[{"Id": "0f1e", "Image": "nginx:1", "Labels": {"role": "front", "a": "b"}, "Names": ["web"]}]
"""
_IGNORES = b"- match: file[/etc/*]\n  hosts: web*,!web3\n  reason: x\n  until: 2026-12-31\n"
_RULES = b"""\
forbid: ["package[*]:remove"]
paths: {deny: [/etc/shadow, "/boot/**"], allow: ["/etc/**"]}
most_changes: {per_host: 20, hosts: 5}
hours: [mon-fri 08:00-17:00]
"""
_SECRETS = b"recipients: [age1x]\ngenerations: {a: 1}\nsecrets:\n  db/password: |\n    text\n"


_SOMEWHERE = Somewhere("web1", 22)


@functools.cache
def _certified() -> tuple[bytes, tuple[bytes, ...]]:
    """An authority's line of known_hosts, and good certificates that it has made for web1."""
    folder = _FOLDER / "certificates"
    folder.mkdir()
    keygen, ca = ["ssh-keygen", "-q"], str(folder / "ca")
    subprocess.run([*keygen, "-t", "ed25519", "-N", "", "-f", ca], check=True)
    made = list[bytes]()
    for kind in ("ed25519", "ecdsa", "rsa"):
        key = str(folder / kind)
        subprocess.run([*keygen, "-t", kind, "-N", "", "-f", key], check=True)
        words = ["-s", ca, "-I", "it", "-h", "-n", "web1,web2", f"{key}.pub"]
        subprocess.run([*keygen, *words], check=True, stderr=subprocess.DEVNULL)
        made.append(base64.b64decode(Path(f"{key}-cert.pub").read_bytes().split()[1]))
    line = b"@cert-authority web* " + (folder / "ca.pub").read_bytes()
    return line, tuple(made)


def _step(status: str) -> dict[str, Any]:
    nothing = ("ran", "note", "because", "until", "diff", "error", "lost", "orphan")
    document: dict[str, Any] = dict.fromkeys((*nothing, "cause", "since", "excused"))
    document |= {"id": "file[/x]", "where": "r.py:1", "status": status, "kind": "update"}
    document |= {"changes": {"mode": ["1", "2"]}, "ignored": False, "began": 0.1, "seconds": 0.2}
    state = {"provider": "file", "resource": {"resource": "file"}, "act": None}
    return {"document": document, "state": {**state, "found": None, "wanted": {}, "left": None}}


_JOURNAL = b"\n".join(
    json.dumps(line).encode()
    for line in (
        {"kind": "run", "format": 1, "version": "0", "run": "20260501T120000-3f9a"}
        | {"mode": "converge", "started": "2026-05-01T12:00:00.000Z", "by": "a@b", "origin": None}
        | {"command": ["cook"], "set": "", "recipes": ["r.py"], "hosts": ["web1"]},
        {"kind": "revision", "revision": "abc"},
        {"kind": "sending", "host": "web1", "machine_id": "0", "steps": [_step("changed")]},
        {"kind": "steps", "host": "web1", "steps": [_step("changed"), _step("failed")]},
        {"kind": "host", "host": "web1", "status": "changed", "began": 0.0, "seconds": 1.0}
        | {"exchanges": 2, "error": None, "machine_id": "0", "in_line": 100.0},
        {"kind": "finished", "exit": 0, "seconds": 1.0, "recipes": [], "sources": {"a": "b"}}
        | {"revision": "abc", "in_line": 100.0},
    )
)


def _plan_seed() -> bytes:
    """A plan of a real run on this machine."""
    from cookbook.cli import main

    folder = _FOLDER / "plan"
    folder.mkdir()
    (folder / "r.py").write_text(
        "from cookbook.resources import *\nfrom cookbook.recipe import *\n"
        f"file('{folder}/x', content='hello', notifies=[delayed('run', 'execute[true]')])\n"
        f"directory('{folder}/d')\nlink('{folder}/l', to='x')\nexecute('true')\n"
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main(["plan", str(folder / "r.py"), "--local", "-o", str(folder / "plan.json")])
    return (folder / "plan.json").read_bytes()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, say what came of it; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", default="", help="targets whose name has this in it")
    options = parser.parse_args(arguments)
    fuzz = Fuzz([t for t in targets() if options.only in t.name], options.seed)
    begun = time.monotonic()
    done = fuzz.run(options.seconds, options.inputs)
    peak = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss * 1024
    say = sys.stdout.write
    for name, count in fuzz.counts.items():
        say(f"{name:32} {count:9} inputs, slowest {fuzz.slowest[name] * 1000:7.1f} ms\n")
    for text in fuzz.findings.values():
        say(f"\n{text}\n")
    took, found = time.monotonic() - begun, len(fuzz.findings)
    say(f"seed {options.seed}: {done} inputs in {took:.0f} s, {peak >> 20} MiB, {found} findings\n")
    return int(bool(fuzz.findings) or peak > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main())
