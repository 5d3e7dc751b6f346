"""
The real hosts that tests marked `hosts` converge.

Each xdist worker has a kitchen of its own (kitchens run side by side), and runs whole files
(`--dist loadfile`), so that the tests of a module share its host.
"""

from __future__ import annotations

import functools
import gc
import gettext
import itertools
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import cookbook.plugins.manager  # noqa: F401 - registers the transports
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.text.redaction import REGISTRY
from cookbook.transport.local import LocalTransport
from tests import leftovers

# argparse asks for each of its words, in each run in this process; there is no catalogue to find.
gettext.find = functools.cache(gettext.find)  # type: ignore[assignment]  # the same overloads

_numbers = itertools.count()
_FAILED = pytest.StashKey[bool]()

# Of `make check`; see quick.py. As in hypothesis' own `ci`, a busy machine is no finding.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # --hypothesis-profile names another one later
settings.register_profile(
    "quick", max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--transport openssh` has the tests on real hosts go by ssh(1) wherever they can choose."""
    parser.addoption("--transport", choices=("ssh", "openssh"), default="ssh")


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    """How hosts are reached; a test for which that matters is parametrized with both."""
    chosen = str(request.config.getoption("transport"))
    asked_for = getattr(request, "param", "ssh")
    return chosen if asked_for == "ssh" else str(asked_for)


def pytest_configure(config: pytest.Config) -> None:
    """Take down hosts of aborted runs; let children receive the signals that nohup(1) ignores."""
    if not hasattr(config, "workerinput"):
        places = (Path(tempfile.gettempdir()), config.getoption("basetemp"))
        leftovers.take_down([Path(place) for place in places if place])
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            told = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, told)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """
    Have the garbage collector pass over what is imported and collected: it stays.

    That is a million objects, and some tests collect garbage themselves, as each pytest does that
    runs in a test: a tenth of the time of all tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


LONGEST = (
    "test_lives_applications",
    "test_lives_others",
    "test_lives_servers",
    "test_import",
    "test_trixie",
    "test_bullseye",
    "test_lives_access",
    "test_audit",
    "test_undo_package",
    "test_undo_samples",
    "test_rolling",
    "test_rollout_acts",
    "test_deploy_containers",
    "test_docker",
    "test_login_check",
    "test_first_hour",
    "test_suites_on_hosts",
    "test_installed_plugin",
    "test_undo_local",
    "test_rescue",
    "test_lost_link",
    "test_privilege",
    "test_html",
    "test_canary",
    "test_service",
    "test_lost",
    "test_bad_shape",
    "test_password",
    "test_truth",
    "test_undo_cut_off",
    "test_hosts",
    "test_firewall_rule",
    "test_login",
    "test_bad_shape_packages",
    "test_shell",
    "test_package",
    "test_become_user",
    "test_files_local",
    "test_interrupts",
    "test_reach",
    "test_user",
    "test_journal",
    "test_orphans",
    "test_host_key",
    "test_orphans_local",
    "test_beyond_paramiko",
    "test_bastion",
    "test_kills",
    "test_way",
    "test_files",
    "test_approval",
    "test_become",
    "test_texts",
)
"""The modules that take longest, in this order: they begin first, so that no worker ends late."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules, then those on real hosts; short ones fill what is left."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    on_hosts = {item.path for item in items if item.get_closest_marker("hosts")}

    def turn(item: pytest.Item) -> int:
        return rank.get(item.path.stem, len(rank) + (item.path not in on_hosts))

    items.sort(key=turn)


@pytest.fixture(autouse=True)
def cook_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a run with --local keeps, stays out of this machine's own /var/lib/cook."""
    home = tmp_path_factory.getbasetemp() / f"cook-home-{next(_numbers)}"  # made when needed
    monkeypatch.setenv("COOK_HOME", str(home))
    return home


@pytest.fixture(scope="session", autouse=True)
def _no_history_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests run is not in the history of who runs the tests, nor do their settings count."""
    folder = tmp_path_factory.mktemp("user")
    leftovers.own(tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COOK_STATE", str(folder / "state"))
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        patch.delenv("COOK_STORE", raising=False)
        yield


@pytest.fixture(autouse=True)
def _no_secrets_of_others() -> Iterator[None]:
    """What one test makes secret, another one may say."""
    yield
    REGISTRY.forget()


@pytest.fixture
def many_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each host that is reached by `local` be a machine of its own, as far as locks go."""
    monkeypatch.setattr(
        "cookbook.run.runner.connect",
        lambda host, *_: LocalTransport(("env", f"COOK_HOME={tmp_path}/.{host.name}", "sh")),
    )
    monkeypatch.setattr("cookbook.run.host_run.HostRun._only_once", lambda *_: None)


@pytest.fixture(scope="session")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    """A kitchen for this session; whatever runs in it at the end is taken down."""
    cooking = Kitchen(tmp_path_factory.mktemp("kitchen"))
    try:
        yield cooking
    finally:
        cooking.down()


@pytest.fixture(scope="module")
def host(kitchen: Kitchen) -> Iterator[KitchenHost]:
    """The host that tests of a module share, as the one before left it: for those who look."""
    yield kitchen.up(names=["shared"])[0]
    kitchen.down(["shared"])  # each costs 14 of the 128 inotify instances of a machine


@pytest.fixture(scope="module")
def module_host(kitchen: Kitchen) -> Iterator[KitchenHost]:
    """A host that is clean when the first test of a module gets it."""
    yield _clean(kitchen, "module")
    kitchen.down(["module"])


@pytest.fixture(scope="module")
def _no_fresh_host_is_left(kitchen: Kitchen) -> Iterator[None]:
    """Each costs 14 of the 128 inotify instances that a machine has for root."""
    yield
    if "fresh" in {host.name for host in kitchen.hosts()}:
        kitchen.down(["fresh"])


@pytest.fixture
def fresh_host(kitchen: Kitchen, _no_fresh_host_is_left: None) -> KitchenHost:
    """A host that is clean when the test gets it (2 s)."""
    return _clean(kitchen, "fresh")


@pytest.fixture
def restored_host(
    request: pytest.FixtureRequest, kitchen: Kitchen, module_host: KitchenHost
) -> Iterator[KitchenHost]:
    """The module's host, for tests after which it works as before; clean again if one fails."""
    [host] = [host for host in kitchen.hosts() if host.name == module_host.name]
    # systemd counts starts: five within 10 s are too many. cook knows what it created.
    host.run("systemctl reset-failed; rm -rf /var/lib/cook")
    yield host
    if request.node.stash.get(_FAILED, False):
        kitchen.reset(host.name)


def _clean(kitchen: Kitchen, name: str) -> KitchenHost:
    if name in {host.name for host in kitchen.hosts()}:
        return kitchen.reset(name)
    return kitchen.up(names=[name])[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have a failed test say what its hosts logged: they are gone when one reads of it."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    kitchen = getattr(item, "funcargs", {}).get("kitchen")
    if report.failed and isinstance(kitchen, Kitchen):
        for host in kitchen.hosts():
            report.sections.append((f"host {host.name}", _journal(host)))
    return report


def _journal(host: KitchenHost) -> str:
    looks = (
        "date; cat /proc/loadavg; systemctl list-jobs --no-pager",
        "systemctl list-units --failed --no-legend --plain",
        "journalctl --boot --no-pager --lines=25",
    )
    try:
        return host.run("; ".join(looks), timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"says nothing: {error}"
