"""
The canary test: secrets in every place a recipe has for one are told by nothing that cook does.

Not by what it prints at full verbosity, by no file that it writes but those it manages, and
not by the arguments or the environment of any process.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.canary import Cook, Needles, Sampler, canary, hits, needles, swept

TAME = {"options", "hash"}
PLANTED = [
    "content", "bytes", "fstring", "joined", "variable", "filtered", "node-var", "set", "command",
    "words", "environment", "input", "guard", "not-if", "verify", "options", "header", "name",
    "failure", "callable", "key",
]  # fmt: skip

RECIPE = """
import base64
from cookbook.recipe import derived, node, secret
from cookbook.resources import authorized_key, env_file, execute, file, template

D = node.vars["folder"]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGyVh0q1v3u7uXQv0ZbY3m7cX6o0cV2f5kQ0Vv5Xc3aS me"
file(f"{D}/content", content=secret("content"), mode="0600")
file(f"{D}/bytes", content=secret("bytes").encode())
file(f"{D}/fstring", content=f"password={secret('fstring')}\\nport=80\\n")
file(f"{D}/joined", content=":".join(["user", secret("joined")]))
env_file(f"{D}/env", variables={"PORT": 80, "TOKEN": secret("variable")})
file(f"{D}/left", content="nothing secret any more")
file(f"{D}/key", content=secret("key"))
file(f"{D}/derived", content=f"{derived('app')}\\n")
deep = {"x": secret("filtered")}
template(f"{D}/t", source="t.j2", variables={"v": secret("variable"), "w": deep})
file(f"{D}/var", content=node.vars["from_inventory"])
file(f"{D}/set", content=node.vars["from_set"])
encoded = base64.b64encode(secret("command").encode()).decode()
execute("command", command=f"echo {encoded}; sleep .1")
execute("words", command=["printf", "%s", secret("words")])
execute("environment", command='test -n "$T"', environment={"T": secret("environment")})
execute("input", command="cat; sleep .1", input=secret("input"))
execute("guard", command="true", only_if="true " + sh_quote(secret("guard")))
execute("not_if", command="true", not_if=f": {sh_quote(secret('not-if'))}; sleep .1")
check = f": {sh_quote(secret('verify'))}; sleep .1; test -e {{path}}"
file(f"{D}/verify", content="x", verify=check)
authorized_key(
    "root", key=KEY, key_options=f'environment="T={secret("options")}"', path=f"{D}/keys"
)
execute(f": {sh_quote(secret('name'))}; sleep .1")
"""
QUOTE = "from shlex import quote as sh_quote\n"
FAILING = {
    "said": "execute('x', command=f'echo {sh_quote(secret(\"failure\"))} >&2; false')",
    "raised": "raise ValueError(f'no {secret(\"failure\")}')",
    "refused": "file('/x', mode=secret('failure'))",
    "unknown": "file('/x', cntent=secret('failure'))",
    "cron": "cron('x', command=f'echo {secret(\"failure\")}')",
    "guard": "v = secret('callable')\ndef say(_): raise ValueError(v)\n"
    "execute('true', only_if=say)",
    "template": "template('/x', source='bad.j2', variables={'v': secret('failure')})",
    "placed": "file(f'{node.vars[\"folder\"]}/no/{secret(\"callable\")[5:20]}', content='x')",
    "defect": "class Odd(dict):\n    def items(self): raise OSError(secret('failure'))\n"
    "execute('true', environment=Odd(a='b'))",
}
HOSTS = """
hosts:
  localhost:
    transport: local
    become_password: !secret header
    vars: {folder: FOLDER, from_inventory: !secret node-var}
"""


@pytest.fixture
def cook(tmp_path: Path) -> Cook:
    cook = Cook(tmp_path)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("{{ v }}\n{{ w.x | upper }}\n{{ w.x | reverse }}\n")
    (tmp_path / "templates/bad.j2").write_text("{{ v.no }} {{ v / 2 }}\n")
    (tmp_path / "r.py").write_text(QUOTE + RECIPE)
    (tmp_path / "hosts.yml").write_text(HOSTS.replace("FOLDER", str(tmp_path / "managed")))
    for name, text in FAILING.items():
        start = "from cookbook.recipe import *\nfrom cookbook.resources import *\n"
        (tmp_path / f"fails_{name}.py").write_text(f"{QUOTE}{start}{text}\n")
    return cook


@pytest.mark.slow
def test_no_canary_is_seen_or_heard(cook: Cook) -> None:
    values = {name: canary(tame=name in TAME) for name in PLANTED}
    values["key"] = f"-----BEGIN KEY-----\n{values['key']}\n-----END KEY-----\n"
    wanted = needles(values | {"upper": values["filtered"].upper()})
    wanted["key"] = needles({"key": values["key"].splitlines()[1]})["key"]
    where = ["--hosts", "hosts.yml", "-vv"]
    run = ["r.py", *where, "--set", "from_set=!secret set"]
    reports = [
        w
        for e in ["txt", "json", "xml", "sarif", "md", "html"]
        for w in ("--report", f"report.{e}")
    ]

    left = cook.folder / "managed/left"
    left.write_text(f"from before: {values['fstring']}\n")

    sampler = Sampler(wanted)
    with sampler.watching():
        cook.keep(values)
        assert cook("plan", *run) == 2, cook.said[-1]
        assert cook("plan", *run, "-o", "saved.plan") == 1
        assert cook("converge", *run, *reports) == 0, cook.said[-2:]
        assert cook("converge", *run, "--output", "json") == 0
        change(cook.folder / "managed")
        assert (
            cook("drift", *run, "--record", *(word.replace("report.", "d.") for word in reports))
            == 2
        )
        assert cook("drift", *run, "--format", "html") == 2
        assert cook("converge", *run, "--output", "json", "--prune") == 0
        assert cook("undo", "last", *where, "--yes", "--partial") == 0, cook.said[-2:]
        assert (cook.folder / "managed/content").read_text().endswith("# changed\n")
        for name in FAILING:
            assert cook("converge", f"fails_{name}.py", *run[1:]) in (1, 3), name
        for output in ("text", "json"):
            cook("history", "--output", output)
            cook("show", "last", "-v", "--output", output)
            cook("blame", f"file[{cook.folder}/managed/fstring]", "--output", output)
            cook("inventory", "--hosts", "hosts.yml", "--output", output)
            cook("stash", *where, "--output", output)

    assert sampler.rounds > 20
    assert sampler.found == {}
    for text in cook.said:
        assert hits(text, wanted) == [], text.decode()
    _only_the_managed_files_tell(cook, wanted)


def change(folder: Path) -> None:
    """Somebody was here."""
    for name in ("content", "fstring", "t", "keys"):
        with (folder / name).open("a") as file:
            file.write("# changed\n")


def _only_the_managed_files_tell(cook: Cook, wanted: Needles) -> None:
    stash, backup = cook.folder / "user/cook/stash", cook.folder / "user/cook/backup"
    told = swept([cook.folder], wanted)
    managed = {path for path in told if Path(path).is_relative_to(cook.folder / "managed")}
    kept = [Path(path) for path in told if Path(path).is_relative_to(backup)]
    assert [path.name.split(".")[0] for path in kept] == ["left"]  # as the host had it
    assert backup.stat().st_mode & 0o77 == 0
    stashed = {path for path in told if Path(path).is_relative_to(stash)} | set(map(str, kept))
    assert told.keys() - managed - stashed == set(), told
    assert {Path(path).name for path in managed} >= {"content", "fstring", "joined", "t", "keys"}
    assert stash.stat().st_mode & 0o77 == 0
    assert all(path.stat().st_mode & 0o77 == 0 for path in stash.iterdir())
    for folder in ("user/state", "user/config", "user/cook"):
        assert (cook.folder / folder).is_dir()


def test_the_sampler_and_the_sweep_find_what_there_is(tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    value = canary()
    sampler = Sampler(needles({"x": value}))
    with sampler.watching():
        subprocess.run([sys.executable, "-c", "import time; time.sleep(3)", value], check=True)
    (tmp_path / "a").write_text(f"before {value} after")

    assert [*sampler.found.values()] == [["x"]]
    assert [*swept([tmp_path], sampler.wanted).values()] == [["x"]]
