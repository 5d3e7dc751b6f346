"""What the bench says must be right: its link is as slow as promised, its sums are sums."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.clock import BenchError, Call, alternate, run, turns
from bench.cluster import RESOURCES, make_fleet
from bench.contenders import ansible_changes, cook_changes, exchanges, pyinfra_changes
from bench.figures import Bar, Figure, Result, document, ratio, shares
from bench.relay import Link, Relay
from bench.simulated import _chance
from bench.table import amount, bar_row

pytestmark = pytest.mark.slow  # starts programs, and times them

# -- the relay -------------------------------------------------------------------------------------


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says back what it hears, until the client has no more to say."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        yield server.getsockname()[:2]


def _echo(server: socket.socket) -> None:
    while True:
        try:
            connection, _peer = server.accept()
        except OSError:
            return
        threading.Thread(target=_say_back, args=(connection,), daemon=True).start()


def _say_back(connection: socket.socket) -> None:
    with closing(connection):
        try:
            while data := connection.recv(1 << 16):
                connection.sendall(data)
        except OSError:
            return


def _connect(relay: Relay) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", relay.ports[0]), timeout=60)
    connection.settimeout(60)
    return connection


def _hear(connection: socket.socket, count: int) -> bytes:
    heard = b""
    while len(heard) < count and (data := connection.recv(count - len(heard))):
        heard += data
    return heard


def test_a_link_keeps_every_byte_in_order(echo: tuple[str, int]) -> None:
    said = bytes(range(256)) * 4096
    with Relay([echo], Link(delay=0.005)) as relay, _connect(relay) as connection:
        threading.Thread(target=connection.sendall, args=(said,), daemon=True).start()
        assert _hear(connection, len(said)) == said


def test_a_half_closed_connection_is_half_closed_on_the_other_side(echo: tuple[str, int]) -> None:
    with Relay([echo]) as relay, _connect(relay) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert _hear(connection, 100) == b"last words"


def test_each_way_takes_the_delay(echo: tuple[str, int]) -> None:
    """At least: a busy machine may make anything slower."""
    with Relay([echo], Link(delay=0.1)) as relay, _connect(relay) as connection:
        connection.sendall(b"1")
        _hear(connection, 1)
        start = time.monotonic()
        connection.sendall(b"2")
        assert _hear(connection, 1) == b"2"
        assert time.monotonic() - start >= 0.2


def test_opening_a_connection_takes_a_round_trip_too(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(delay=0.1)) as relay:
        start = time.monotonic()
        with _connect(relay) as connection:
            connection.sendall(b"1")
            assert _hear(connection, 1) == b"1"
        assert time.monotonic() - start >= 0.4


def test_chunks_are_on_their_way_together(echo: tuple[str, int]) -> None:
    """20 chunks of a delay of 1 s would take 40 s one after the other."""
    with Relay([echo], Link(delay=1.0)) as relay, _connect(relay) as connection:
        start = time.monotonic()
        for number in range(20):
            connection.sendall(bytes([number]))
            time.sleep(0.005)
        assert _hear(connection, 20) == bytes(range(20))
        assert time.monotonic() - start < 20


def test_a_cut_link_gives_so_many_bytes_and_then_the_end(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(after=7, then="cut")) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        assert _hear(connection, 10) == b"0123456"


def test_a_link_can_be_cut_on_the_way_to_the_host(echo: tuple[str, int]) -> None:
    link = Link(after=3, then="cut", toward="host")
    with Relay([echo], link) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        assert b"012".startswith(_hear(connection, 10))


def test_a_reset_link_is_an_error(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(after=3, then="reset")) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        with pytest.raises(ConnectionResetError):
            _hear(connection, 100)


def test_a_silent_link_stays_open_and_says_nothing(echo: tuple[str, int]) -> None:
    with Relay([echo], Link(after=3, then="silent")) as relay, _connect(relay) as connection:
        connection.sendall(b"0123456789")
        assert _hear(connection, 3) == b"012"
        connection.sendall(b"hello?")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(10)


def test_an_open_connection_can_be_reset_now(echo: tuple[str, int]) -> None:
    with Relay([echo]) as relay, _connect(relay) as connection:
        connection.sendall(b"before")
        assert _hear(connection, 6) == b"before"
        relay.set(Link(after=0, then="reset"))
        with pytest.raises(ConnectionResetError):
            connection.recv(10)


def test_an_open_connection_can_go_silent_now(echo: tuple[str, int]) -> None:
    with Relay([echo]) as relay, _connect(relay) as connection:
        connection.sendall(b"before")
        assert _hear(connection, 6) == b"before"
        relay.set(Link(after=0, then="silent"))
        connection.sendall(b"after")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(10)


def test_a_host_that_is_not_there_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = server.getsockname()[:2]
    with Relay([nowhere]) as relay, _connect(relay) as connection:
        assert connection.recv(10) == b""


# -- turns -----------------------------------------------------------------------------------------


def test_contenders_take_turns() -> None:
    assert list(turns({"a": 2, "b": 2})) == ["a", "b", "a", "b"]


def test_those_with_fewer_rounds_are_spread_over_the_time_of_the_others() -> None:
    order = list(turns({"fast": 7, "slow": 3}))
    rounds = "".join("S" if who == "slow" else "." for who in order)
    assert rounds == ".S...S..S."


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=4))
def test_everybody_has_as_many_rounds_as_promised(rounds: dict[str, int]) -> None:
    assert Counter(turns(rounds)) == Counter(rounds)


def _say(who: str, words: str, changes: int = 0) -> Call:
    return Call(who, ["sh", "-c", f"echo {words}"], changes=lambda _output: changes)


def test_a_process_is_measured_from_start_to_end() -> None:
    sample = run(Call("sleep", ["sh", "-c", "sleep 0.1; echo done"]))
    assert sample.seconds >= 0.1
    assert sample.megabytes > 0.1
    assert sample.output == "done\n"


def test_a_contender_that_fails_says_why() -> None:
    with pytest.raises(BenchError, match=r"ended with status 3:\nno such host"):
        run(Call("ssh", ["sh", "-c", "echo no such host; exit 3"]))


def test_children_may_write_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workplace may forbid it; users' machines do not, and it is most of a start's time."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    call = Call("sh", ["sh", "-c", "echo ${PYTHONDONTWRITEBYTECODE-unset}"])
    assert run(call).output == "unset\n"


def test_who_changes_something_voids_the_figures() -> None:
    with pytest.raises(BenchError, match="busy made 2 changes where nothing was to do"):
        alternate([_say("idle", "a"), _say("busy", "b", 2)], {"idle": 1, "busy": 1})


def test_who_has_no_rounds_is_not_run() -> None:
    samples = alternate([_say("a", "one"), _say("b", "two", 5)], {"a": 2, "b": 0})
    assert [sample.output for sample in samples["a"]] == ["one\n", "one\n"]
    assert "b" not in samples


# -- what contenders say ---------------------------------------------------------------------------

PYINFRA = """\
--> Results:
    Operation                 Hosts   Success   Error   No Change
    files.link (path=/srv/9)  1       1         -       -
    Grand total               46      44        -       2
"""

ANSIBLE = """\
PLAY RECAP ****
h1   : ok=10   changed=8    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
h2   : ok=10   changed=1    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
"""

COOK = """{"totals": {"ok": 5, "changed": 2, "failed": 1, "unknown": 0},
 "hosts": {"h1": {"exchanges": 2}, "h2": {"exchanges": 4}}}"""


@pytest.mark.parametrize(
    ("count", "output", "changes"),
    [
        (pyinfra_changes, PYINFRA, 44),
        (pyinfra_changes, "Grand total    46      -        -       46", 0),
        (pyinfra_changes, "Grand total    46      -        3       43", 3),
        (ansible_changes, ANSIBLE, 10),
        (cook_changes, COOK, 3),
    ],
)
def test_changes_and_failures_count(count: Callable[[str], int], output: str, changes: int) -> None:
    assert count(output) == changes


@pytest.mark.parametrize("count", [pyinfra_changes, ansible_changes])
def test_no_results_are_not_no_changes(count: Callable[[str], int]) -> None:
    with pytest.raises(BenchError, match="no "):
        count("Traceback: changed my mind")


def test_the_host_with_most_exchanges_counts() -> None:
    assert exchanges(COOK) == 4


# -- sums ------------------------------------------------------------------------------------------

FIGURES = [
    Figure("noop-lan", "cook", [0.5, 0.4, 9.0]),
    Figure("noop-lan", "ssh", [0.25, 0.2, 0.3]),
]


def test_ratios_are_those_of_medians() -> None:
    """One slow run of nine seconds changes nothing."""
    assert ratio(FIGURES, "cook", "ssh") == pytest.approx(2.0)
    assert shares(FIGURES, "ssh") == pytest.approx({"cook": 2.0, "ssh": 1.0})


def test_without_the_reference_there_are_no_ratios() -> None:
    assert shares(FIGURES, "script") == {}


def test_a_bar_is_met_at_its_limit_and_missed_above() -> None:
    assert Bar("it", 2.0, 2.0).met
    assert not Bar("it", 2.0001, 2.0).met


def test_a_missed_bar_says_so() -> None:
    assert bar_row(Bar("it", 2.1, 2.0)) == ["it", "2.100", "2.000", "[bold red]MISSED[/]"]
    assert "met" in bar_row(Bar("it", 1.9, 2.0))[-1]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2, "exchanges", "2"), (57.6, "MB", "58 MB"), (0.04123, "s", "0.041 s"), (0.071, "", "0.071")],
)
def test_amounts_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_results_add_up() -> None:
    both = Result(FIGURES, [Bar("a", 1, 2)]) + Result(void=["b: no"])
    assert (both.figures, both.void) == (FIGURES, ["b: no"])


def test_the_document_has_every_run_and_every_verdict() -> None:
    made = document(Result(FIGURES, [Bar("it", 3, 2)], ["x: no"]), {"cores": 2})
    assert made["figures"][0]["runs"] == [0.5, 0.4, 9.0]
    assert made["figures"][0]["median"] == 0.5
    assert made["bars"][0]["met"] is False
    assert (made["machine"], made["void"]) == ({"cores": 2}, ["x: no"])


# -- simulated hosts -------------------------------------------------------------------------------


def test_simulated_hosts_answer_as_the_recorded_one_and_a_share_is_away(tmp_path: Path) -> None:
    """By two processes, which share what was recorded; each host is a machine of its own."""
    fleet = make_fleet(tmp_path / "fleet", 60, latency=0.0, away=0.1)
    work = tmp_path / "fleet/work"
    words = ["converge", str(work / "simulated.py"), "--hosts", str(work / "hosts.yml")]
    words += ["--output", "json", "--processes", "2"]
    text = 'out=$1; shift; "$@" >"$out"; [ $? = 4 ]'
    cook = [sys.executable, "-m", "cookbook.cli", *words]
    out = tmp_path / "report.json"
    run(Call("cook", ["sh", "-c", text, "sh", str(out), *cook], environment=fleet.environment))

    hosts = json.loads(out.read_text())["hosts"]
    away = {f"h{i:06}" for i in range(60) if _chance(f"h{i:06}", "away") < 0.1}
    assert away
    assert {name for name, host in hosts.items() if host["status"] == "unreachable"} == away
    there = [host for name, host in hosts.items() if name not in away]
    assert {host["status"] for host in there} == {"ok"}
    assert {len(host["resources"]) for host in there} == {RESOURCES}
    assert len({host["machine_id"] for host in there}) == len(there)
