"""Metrics for Prometheus: in a file, by HTTP; judged by the parser of prometheus_client."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cookbook.cli import main
from cookbook.errors import ReportError, UsageError
from cookbook.watch import metrics as module
from cookbook.watch.metrics import MetricsListener, RunMetrics, add_run, loopback
from cookbook.watch.settings import WatchGroup, WatchMode, WatchSettings
from cookbook.watch.turn import TurnResult
from tests.watch.conftest import document

Samples = dict[str, float]


def samples(text: bytes) -> Samples:
    """Return the samples of a text, each as `name{label=value,...}`."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for one in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}"] = one.value
    return found


def result(told: Any, status: int = 0, began: float = 1000.0, seconds: float = 2.0) -> TurnResult:
    mode: WatchMode = told["mode"] if told else "drift"
    return TurnResult("web", mode, began, seconds, status, told)


def with_error(told: Any, host: str, code: str) -> Any:
    told["hosts"][host]["error"]["code"] = code
    return told


def test_what_is_counted() -> None:
    metrics = RunMetrics()
    metrics.count(result(document(web1="ok", web2=["file[/a]", "file[/b]"]), 2))
    metrics.count(result(document("converge", web1="ok", web2="failed"), 3, 2000.0))
    metrics.count(result(None, 1, 3000.0, 700.0))
    metrics.skipped("web", 3)
    found = samples(metrics.text())

    assert found["cook_runs_total{group=web,mode=drift,result=drift}"] == 1
    assert found["cook_runs_total{group=web,mode=converge,result=failed}"] == 1
    assert found["cook_runs_total{group=web,mode=drift,result=wrong-input}"] == 1
    assert found["cook_turns_skipped_total{group=web}"] == 3
    assert found["cook_host_failures_total{code=unreachable,group=web}"] == 1
    assert found["cook_hosts{group=web,state=ok}"] == 1
    assert found["cook_hosts{group=web,state=failed}"] == 1
    assert found["cook_hosts{group=web,state=drift}"] == 0  # not missing, and not the former
    assert found["cook_host_drifted_resources{group=web,host=web2}"] == 0
    assert found["cook_host_last_success_timestamp_seconds{group=web,host=web1}"] == 2002
    assert "cook_host_last_success_timestamp_seconds{group=web,host=web2}" not in found
    assert found["cook_host_last_run_timestamp_seconds{group=web,host=web2}"] == 2002
    assert found["cook_run_duration_seconds_count{group=web,mode=drift}"] == 2
    assert found["cook_run_duration_seconds_sum{group=web,mode=drift}"] == 702
    assert found["cook_run_duration_seconds_bucket{group=web,le=2.5,mode=drift}"] == 1
    assert found["cook_run_duration_seconds_bucket{group=web,le=900.0,mode=drift}"] == 2


def test_drift_of_a_host_and_when_it_is_over() -> None:
    metrics = RunMetrics()
    metrics.count(result(document(web1=["file[/a]", "file[/b]"]), 2))
    assert samples(metrics.text())["cook_host_drifted_resources{group=web,host=web1}"] == 2

    metrics.count(result(document(web1="ok"), began=5000.0))
    found = samples(metrics.text())
    assert found["cook_host_drifted_resources{group=web,host=web1}"] == 0
    assert found["cook_host_last_success_timestamp_seconds{group=web,host=web1}"] == 5002


def test_lock_outs_that_were_averted() -> None:
    metrics = RunMetrics()
    for code in ("locked-out", "locked-out", "would-lock-out", "unreachable"):
        told = with_error(document("converge", web1="failed"), "web1", code)
        metrics.count(result(told, 3))
    found = samples(metrics.text())

    assert found["cook_lockouts_averted_total{group=web,how=taken-back}"] == 2
    assert found["cook_lockouts_averted_total{group=web,how=refused}"] == 1


def test_a_locked_host_has_a_state_and_is_no_failure() -> None:
    metrics = RunMetrics()
    metrics.count(result(document("converge", web1="locked"), 3))
    found = samples(metrics.text())
    assert found["cook_hosts{group=web,state=locked}"] == 1
    assert not [name for name in found if name.startswith("cook_host_failures")]


def test_a_file_is_read_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cook.prom"
    now = 2_000_000_000.0
    monkeypatch.setattr("cookbook.watch.metrics.time.time", lambda: now)
    told = document("drift", web1="ok", **{'we"b\\2\n': "ok"}) | {"set": "web"}
    for began in (now - 20, now - 10):
        add_run(path, told, began, pytest.fail)
    found = samples(path.read_bytes())
    assert found["cook_runs_total{group=web,mode=drift,result=ok}"] == 2
    assert found["cook_run_duration_seconds_count{group=web,mode=drift}"] == 2
    assert found['cook_host_last_run_timestamp_seconds{group=web,host=we"b\\2\n}'] == now - 9
    assert path.stat().st_mode & 0o777 == 0o644

    again = RunMetrics()
    again.read(path, now, pytest.fail)
    assert again.text() == path.read_bytes()

    later = RunMetrics()
    later.read(path, now + 31 * 86400, pytest.fail)
    assert not [name for name in samples(later.text()) if "host=" in name]


@pytest.mark.parametrize(
    "text", ["", "no metrics {", "cook_runs_total{group=1} x", "\xff", "a 1\n"]
)
def test_a_file_of_another_program_is_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "cook.prom").write_bytes(text.encode("latin-1"))
    metrics = RunMetrics()
    said: list[str] = []
    metrics.read(tmp_path / "cook.prom", 0, said.append)

    assert samples(metrics.text()) == {}
    is_metrics = text in ("", "a 1\n")
    assert is_metrics or "cook.prom is no file of metrics" in said[0]
    assert len(said) == (0 if is_metrics else 1)


def test_a_file_that_cannot_be_read_is_said_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "cook.prom"
    path.mkdir()  # no permission keeps root out
    told = document(web1="ok") | {"set": "web"}

    with pytest.raises(ReportError, match=r"the metrics cannot be read: .*: Is a directory"):
        add_run(path, told, 0.0, pytest.fail)
    with pytest.raises(ReportError, match="the metrics cannot be read"):
        MetricsListener(path, pytest.fail, [])


def test_a_defect_while_reading_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: object) -> bytes:
        raise TypeError

    path = tmp_path / "cook.prom"
    path.write_text("cook_runs_total 1\n")
    monkeypatch.setattr("cookbook.text.bounded_io.content_of", defect)
    with pytest.raises(TypeError):
        RunMetrics().read(path, 0, pytest.fail)


def test_the_labels_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_HOSTS", 5)
    metrics = RunMetrics()
    for batch in range(3):
        hosts = {f"web{batch}{number}": "ok" for number in range(10)}
        metrics.count(result(document("drift", **hosts)))
    names = [name for name in samples(metrics.text()) if "host=" in name]
    assert len({re.findall("host=([^,}]*)", name)[0] for name in names}) == 5

    metrics.keep_hosts("web", ["web00"])
    names = [name for name in samples(metrics.text()) if "host=" in name]
    assert {re.findall("host=([^,}]*)", name)[0] for name in names} == {"web00"}
    metrics.keep_groups(["db"])
    assert samples(metrics.text()) == {}


def test_it_is_served_on_the_loopback(group: Callable[..., WatchGroup], tmp_path: Path) -> None:
    said: list[str] = []
    web = group("web", every=60.0)
    listener = MetricsListener(tmp_path / "cook.prom", said.append, [web])
    with listener.serving("127.0.0.1:0") as port:
        listener.ended(result(document(web1="ok", web2="ok")))
        listener.skipped(web, 2)
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            found = samples(answer.read())
    assert found["cook_runs_total{group=web,mode=drift,result=ok}"] == 1
    assert found["cook_turns_skipped_total{group=web}"] == 2
    assert samples((tmp_path / "cook.prom").read_bytes())["cook_hosts{group=web,state=ok}"] == 2

    listener.ended(result(document(web1="ok")))
    assert "cook_host_in_line_percent{group=web,host=web2}" not in samples(listener.metrics.text())
    listener.reloaded(WatchSettings(path=Path(), groups=(group("db", every=60.0),)))
    assert samples(listener.metrics.text()) == {}
    assert said == []


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    listener = MetricsListener(tmp_path / "no/cook.prom", said.append, [])
    listener.ended(result(document(web1="ok")))

    assert said == [
        f"the metrics cannot be written: {tmp_path}/no/cook.prom: No such file or directory"
    ]


@pytest.mark.parametrize(
    "address", ["0.0.0.0:9780", "192.0.2.1:1", "9780", "localhost:9780", "127.0.0.1:x", "[::]:1"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(UsageError, match="it must be an address of the loopback"):
        loopback(address)


def test_addresses_of_the_loopback() -> None:
    assert loopback("127.0.0.1:9780") == ("127.0.0.1", 9780)
    assert loopback("[::1]:9780") == ("::1", 9780)


def test_a_run_and_a_watch_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.py").write_text(
        f"from cookbook.resources import file\nfile('{tmp_path}/x', content='x', mode='0644')\n"
    )
    Path("hosts.yml").write_text("hosts: {web1: {transport: local}}")
    Path("watch.yml").write_text("groups: {web1: {every: 10s, recipes: r.py}}")
    words = ["r.py", "--hosts", "hosts.yml", "--metrics", "m.prom"]
    assert main(["drift", *words]) == 2
    assert main(["converge", *words]) == 0
    assert main(["watch", "--once", "--metrics", "w.prom"]) == 0
    capfd.readouterr()

    found = samples(Path("m.prom").read_bytes())
    assert found["cook_runs_total{group=r,mode=converge,result=ok}"] == 1
    assert found["cook_runs_total{group=r,mode=drift,result=drift}"] == 1
    assert found["cook_resources{group=r,outcome=changed}"] == 1
    found = samples(Path("w.prom").read_bytes())
    assert found["cook_runs_total{group=web1,mode=drift,result=ok}"] == 1

    assert main(["converge", *words[:-1], "no/m.prom"]) == 3
    assert "the metrics cannot be written: no/m.prom" in capfd.readouterr().err


def test_without_the_library_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    (tmp_path / "r.py").write_text(f"open('{tmp_path}/ran', 'w')\n")

    assert main(["converge", str(tmp_path / "r.py"), "--local", "--metrics", "m.prom"]) == 1
    assert "pip install 'cook-converge[metrics]'" in capsys.readouterr().err
