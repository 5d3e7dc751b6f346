"""Which changes may cut the way by which we came; and that a host takes them back by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.applying.auto_rollback import AutoRollback
from cookbook.applying.batch import Sent, cut_off
from cookbook.applying.executor import Executor
from cookbook.errors import HostError, LockedOut, Unreachable, WouldLockOut
from cookbook.hosts.session import Session
from cookbook.language.access_path import AccessPath
from cookbook.language.change import Change
from cookbook.language.collection import Node
from cookbook.language.probe import Probe
from cookbook.language.resource import Resource
from cookbook.planning.decision import Item, PlannedChange
from cookbook.planning.planner import Planner
from cookbook.planning.step import Listener
from cookbook.planning.transaction import Transaction
from cookbook.plugins.manager import catalog
from cookbook.script.facts import Facts
from cookbook.script.program import precondition_of
from cookbook.script.shell import sh
from cookbook.testing import DEBIAN, declare
from cookbook.transport.contract import TooSlow, Transport
from cookbook.transport.local import LocalTransport
from tests.quick import first_in_check
from tests.waiting import LONG

WAY = AccessPath("admin", 22, "sudo")

CUTS = [
    ("no", 'file("/etc/motd")'),
    ("may", 'file("/etc/ssh/sshd_config")'),
    ("may", 'file("/etc/ssh/sshd_config.d/x.conf", action="delete")'),
    ("may", 'template("/etc/sudoers.d/x", source="motd.j2", variables={"name": "x"})'),
    ("may", 'file("/home/admin/.ssh/authorized_keys")'),
    ("may", 'directory("/etc/ssh", mode="700")'),
    ("no", 'directory("/srv/x")'),
    ("may", 'link("/etc/ssh/sshd_config", to="/x")'),
    ("may", 'firewall_rule("x", port=80)'),
    ("will", 'firewall_rule("x", port=22, command="deny")'),
    ("will", 'firewall_rule("x", port=["20-30", 80], command="reject")'),
    ("may", 'firewall_rule("x", port=22, command="deny", source="192.0.2.1")'),
    ("may", 'firewall_rule("x", port=2222, command="deny")'),
    ("may", 'firewall_rule("x", command="deny", position=99)'),
    ("may", 'firewall_rule("x", port=22, command="deny", direction="out")'),
    ("will", 'firewall("x")'),
    ("will", 'firewall("x", input="reject", forward="drop")'),
    ("may", 'firewall("x", input="accept", output="drop")'),
    ("may", 'firewall("x", action="disable")'),
    ("no", 'cron("x", command="true")'),
    ("no", 'group("x")'),
]


def planned(text: str, facts: Facts = DEBIAN) -> tuple[Resource, PlannedChange]:
    """A line of a recipe, on a host that has nothing of it."""
    [declared, *_] = declare(text, facts, Path("tests/cases"))
    resource = declared.resource
    provider = catalog().choose(resource, facts)
    change = provider.plan(resource, None)
    return resource, PlannedChange(Item(declared, resource), provider, change)


@pytest.mark.parametrize("tool", ["nftables", "iptables"])
@pytest.mark.parametrize(("risk", "text"), CUTS, ids=[text for _, text in CUTS])
def test_what_a_change_may_cut(risk: str, text: str, tool: str) -> None:
    _, verdict = planned(text, replace(DEBIAN, firewall_tool=tool))
    provider, change = verdict.provider, verdict.change
    assert provider is not None
    assert change is not None
    if text.endswith('action="delete")'):
        change = Change(provider.state(), None)
    assert provider.lockout_risk(verdict.item.resource.identity, change, WAY) == risk


OPENED = [
    ("may", 'firewall_rule("s", port=22)'),
    ("may", 'firewall_rule("s", port="20-30", source="192.0.2.0/24")'),
    ("may", 'firewall_rule("s", protocol="none", interface="eth0")'),
    ("will", 'firewall_rule("s", port=2222)'),
    ("will", 'firewall_rule("s", port=22, protocol="udp")'),
    ("will", 'firewall_rule("s", protocol="icmp")'),
    ("will", 'firewall_rule("s", port=22, direction="out")'),
    ("will", 'firewall_rule("s", port=22, command="log")'),
    ("will", 'firewall_rule("s", source_port=22)'),
    ("will", 'file("/x")\nfirewall_rule("s", port=22)'),
]


@pytest.mark.parametrize("tool", ["nftables", "iptables"])
@pytest.mark.parametrize(("risk", "text"), OPENED, ids=[text for _, text in OPENED])
def test_a_policy_closes_what_no_rule_beside_it_opens(risk: str, text: str, tool: str) -> None:
    resource, verdict = planned(f'firewall("x")\n{text}', replace(DEBIAN, firewall_tool=tool))
    assert verdict.provider.lockout_risk(resource.identity, verdict.change, WAY) == risk


# -- the timer -----------------------------------------------------------------------------------


@pytest.fixture(params=first_in_check([("dash",), ("bash",), ("busybox", "sh")]), ids=" ".join)
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    shell: tuple[str, ...] = request.param
    session = Session(LocalTransport(shell), lambda: LocalTransport(shell))
    yield session
    session.close()


def armed(session: Session, path: Path, seconds: float = 1) -> AutoRollback:
    """A file that is changed, under a timer; as the engine does it."""
    _, verdict = planned(f"file({str(path)!r}, content='new', guarded=True)")
    rescue = AutoRollback(session, WAY, seconds)
    provider, change = verdict.provider, verdict.change
    assert provider is not None
    assert change is not None
    assert rescue.risk(verdict) == "may"
    assert session.run([rescue.arm([verdict])])[0].status == 0
    path.write_text("new")
    return rescue


def gone_within(path: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and path.exists():
        time.sleep(0.05)
    return not path.exists()


def test_nobody_comes_and_it_goes_back(session: Session, tmp_path: Path) -> None:
    armed(session, tmp_path / "x")
    assert gone_within(tmp_path / "x", LONG)


@pytest.mark.slow
def test_somebody_comes_and_it_stays(session: Session, tmp_path: Path, cook_home: Path) -> None:
    rescue = armed(session, tmp_path / "x", 5)
    rescue.confirm()
    assert not gone_within(tmp_path / "x", 6)
    assert not (cook_home / "rescue").exists()


@pytest.mark.slow
def test_who_cannot_come_in_time_says_what_happened(session: Session, tmp_path: Path) -> None:
    rescue = armed(session, tmp_path / "x")
    inner = session.connection._another
    assert inner is not None

    def late() -> Transport:
        if (tmp_path / "x").exists():
            raise Unreachable("no route")
        return inner()

    session.connection._another = late
    with pytest.raises(LockedOut, match="the host has restored the former state"):
        rescue.confirm()
    assert not (tmp_path / "x").exists()


def test_a_host_that_cannot_be_told_how_to_go_back_is_changed_by_nothing(
    session: Session, tmp_path: Path, cook_home: Path
) -> None:
    """And nobody says that it has gone back."""
    cook_home.write_text("a file, where a folder is to be")
    _, verdict = planned(f"file({str(tmp_path / 'x')!r}, content='new', guarded=True)")
    judge = Planner(Node("web1"), session, DEBIAN, catalog())
    rescue = AutoRollback(session, WAY, 1)
    courier = Executor(judge, session, rescue)

    with pytest.raises(HostError, match="cannot be guarded") as caught:
        courier.send(
            [Sent.under(Transaction([], [verdict]), precondition_of((), ()))], [], Listener()
        )
    assert not isinstance(caught.value, LockedOut)
    assert not rescue.armed
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_what_is_told_of_a_chain_that_took_too_long_is_told_of_its_own_parts(
    session: Session,
) -> None:
    """Not of what was sent before it, so that the host can go back."""
    text = "execute('true', guarded=True)\nexecute('sleep 90', guarded=True, timeout=2)"
    verdicts = [planned(line)[1] for line in text.splitlines()]
    courier = Executor(
        Planner(Node("web1"), session, DEBIAN, catalog()), session, AutoRollback(session, WAY, 60)
    )
    sent = [Sent.under(Transaction([], [verdict]), precondition_of((), ())) for verdict in verdicts]

    with pytest.raises(TooSlow) as caught:
        courier.send(sent, [], Listener())
    assert [outcome.status for outcome in caught.value.outcomes] == [0, 0, 0]
    told = list(cut_off(sent, caught.value.outcomes, caught.value))
    assert [how["status"] for _, how in told] == ["unknown", "unknown"]


@pytest.mark.parametrize("guarded", [False, True], ids=["checked", "under a timer"])
@pytest.mark.parametrize("verified", [True, False], ids=["questions", "no question"])
def test_the_new_login_begins_after_the_changes_while_they_are_verified(
    tmp_path: Path, *, guarded: bool, verified: bool
) -> None:
    """The command waits, and fails if the login is there; the question waits until it is."""
    login = tmp_path / "login"

    def another() -> Transport:
        login.touch(exist_ok=False)
        return LocalTransport()

    session = Session(LocalTransport(), another)
    _, change = planned(f"execute('sleep 0.3; test ! -e {login}', guarded={guarded})")
    rescue = AutoRollback(session, WAY, 60)
    executor = Executor(Planner(Node("h1"), session, DEBIAN, catalog()), session, rescue)
    there = Probe(
        sh("i=0; until [ -e {} ]; do sleep 0.1; [ $((i += 1)) -lt 50 ] || exit; done", str(login))
    )
    batch = [Sent.under(Transaction([], [change]), precondition_of((), ()))]
    [result] = executor.send(batch, [there] if verified else [], Listener())
    assert (result.fate, result.error) == ("done", None)
    assert [one.status for one in executor.planner.answers.values()] == [0] * verified
    assert login.exists()
    assert not rescue.armed
    session.close()


def test_what_is_sure_to_cut_us_off_is_refused_unless_we_know(session: Session) -> None:
    _, verdict = planned('firewall_rule("x", port=22, command="deny")')
    assert isinstance(AutoRollback(session, WAY, 60).refusal(verdict), WouldLockOut)
    assert AutoRollback(session, WAY, 60, allowed=True).refusal(verdict) is None
    assert AutoRollback(session, AccessPath("admin", 2222), 60).refusal(verdict) is None


def test_without_a_connection_there_is_nothing_to_lose() -> None:
    session = Session(LocalTransport())
    _, verdict = planned('firewall_rule("x", port=22, command="deny")')
    assert AutoRollback(session, WAY, 60).risk(verdict) == "no"
    session.close()
