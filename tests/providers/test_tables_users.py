"""The law of Tables for users, keys, crontabs and firewalls: together is alone, one by one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cookbook.language.probe import Table
from cookbook.providers.accounts import ACCOUNT
from cookbook.providers.authorized_keys import KEYS
from cookbook.providers.crontab import ENTRIES
from cookbook.providers.home import HOMES, Place, key
from cookbook.providers.nftables import NftablesProvider
from cookbook.resources.firewall_rule import FirewallRule
from tests.quick import examples, first_in_check

SHELLS = [["dash"], ["bash"], ["busybox", "sh"]]

CRONTAB = """\
#!/bin/sh
case $2 in
root) printf '%s\\n' '# cook: a' '#: why' 'A=b' '1 * * * * a' ''
printf '%s\\n' '# cook: a b' '2 * * * * \\%b' '3 * * * * a'
;; daemon) exit 0
;; *) echo "no crontab for $2" >&2; exit 1
esac
"""
NFT = """\
#!/bin/sh
cat <<'END'
table inet cook {
	chain input {
		type filter hook input priority -10; policy accept;
		tcp dport 80 accept comment "cook 50: a"
		tcp dport 81 accept comment "cook 50: a b | why"
		tcp dport 82 accept comment "cook 10: c"
	}
}
END
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crontab(1) and an nft(8) that always say the same."""
    folder = tmp_path_factory.mktemp("tools")
    for name, text in (("crontab", CRONTAB), ("nft", NFT)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(params=first_in_check(SHELLS), ids=lambda words: words[0])
def shell(request: pytest.FixtureRequest) -> list[str]:
    if shutil.which(request.param[0]) is None:
        pytest.skip(f"there is no {request.param[0]}")
    return list(request.param)


def say(shell: Sequence[str], tools: Path, table: Table, keys: Sequence[str]) -> str:
    environment = {"LC_ALL": "C", "PATH": f"{tools}:{os.environ['PATH']}"}
    said = subprocess.run(
        shell,
        input=table.ask(keys).text.encode(),
        capture_output=True,
        env=environment,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout.decode()


def hold(shell: Sequence[str], tools: Path, table: Table, keys: Sequence[str]) -> dict[str, str]:
    keys = sorted(keys)
    together = say(shell, tools, table, keys)
    alone = {key: say(shell, tools, table, [key]) for key in keys}
    found = dict(table.split(together, keys))
    assert together == table.between.join(text for text in alone.values() if text)
    assert found == {key: text for key, text in alone.items() if text}
    return found


@pytest.mark.parametrize(
    ("table", "asked", "called"),
    [
        (KEYS, ["AAAA ~ann", "BBBB ~ann"], "look for keys of SSH in ~ann"),
        (ENTRIES, ["ann\na\nb", "bob\na\nb"], "look at the crontab of ann bob"),
        (HOMES, [key("ann", "", removed=False)], "look at the homes of ann"),
    ],
)
def test_an_error_shows_no_program(table: Table, asked: list[str], called: str) -> None:
    assert table.ask(asked).brief == called


def test_users(shell: list[str], tools: Path) -> None:
    found = hold(shell, tools, ACCOUNT, ["root", "daemon", "bin", "nobody-there", "zz"])
    assert set(found) == {"root", "daemon", "bin"}
    assert {text.count("\n") for text in found.values()} == {4}


def test_homes(shell: list[str], tools: Path, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    paths = ["", str(tmp_path / "a b"), str(tmp_path / "new"), "/no/where"]
    names = ["root", "nobody-there"]
    keys = [key(n, path, removed=gone) for n in names for path in paths for gone in (True, False)]
    found = hold(shell, tools, HOMES, keys)
    assert Place.parse(found[key("root", paths[2], removed=True)]).parent
    there = Place.parse(found[key("nobody-there", paths[1], removed=True)])
    assert (there.own, there.wanted, there.path) == (False, True, paths[1])
    assert there.owner.split()[0] == str(os.getuid())
    assert key("nobody-there", "/no/where", removed=True) not in found


def test_keys(shell: list[str], tools: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "a b" / "keys", tmp_path / "c"
    one.parent.mkdir()
    one.write_text(
        "# AAAAone\nssh-rsa AAAAone x\nssh-rsa AAAAtwo\\n @AAAAtwo y\nno newline AAAAtwo"
    )
    places = [str(one), str(two), "~nobody-there", "/nowhere/at/all"]
    keys = [f"{blob} {place}" for blob in ("AAAAone", "AAAAtwo", "*") for place in places]
    found = hold(shell, tools, KEYS, keys)
    assert set(found) == {key for key in keys if str(tmp_path) in key}
    assert found[f"AAAAtwo {one}"].count("\n+") == 2
    assert "+no newline AAAAtwo\n" in found[f"* {one}"]


WORDS = st.text(alphabet="ab \\%'\"$*#:=+@~", min_size=1, max_size=4).map(str.strip).filter(bool)


@given(pairs=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4, unique_by=lambda p: p[0]))
@settings(deadline=None, max_examples=examples(30))
def test_crontabs(tools: Path, pairs: list[tuple[str, str]]) -> None:
    """For any names and commands."""
    users = ("root", "daemon", "root-x", "nobody-there")
    keys = [f"{user}\n{name}\n{command}" for user in users for name, command in pairs]
    assert set(hold(["dash"], tools, ENTRIES, keys)) == set(keys)


# busybox takes its own crontab, whatever the PATH says.
@pytest.mark.parametrize("shell", SHELLS[:2], ids=["dash", "bash"])
def test_an_entry_has_its_own_lines_only(shell: list[str], tools: Path) -> None:
    keys = ["root\na\na", "root\na b\n", "root\nb\na"]
    found = hold(shell, tools, ENTRIES, keys)
    mine = "+# cook: a\n+#: why\n+A=b\n+1 * * * * a\n"
    assert found["root\na\na"] == f"@root a\n{mine}=3 * * * * a\n"
    assert found["root\na b\n"] == "@root a b\n+# cook: a b\n+2 * * * * \\%b\n"


def test_firewall_rules(shell: list[str], tools: Path) -> None:
    provider = NftablesProvider()
    rules = [FirewallRule(name, after=after) for name, after in (("a", "a b"), ("a b", "a"))]
    probes = [provider.probe(rule)[0] for rule in [*rules, FirewallRule("c"), FirewallRule("d")]]
    table = probes[0].table
    assert table is not None
    found = hold(shell, tools, table, [probe.key for probe in probes])
    placed = [provider.parse(rule, found[f"{rule.name}\n{rule.after}"]) for rule in rules]
    # `a` stands before the rule it comes after, and `c` behind two of higher position.
    assert [state.placed for state in placed if state] == [False, True]
    assert (state := provider.parse(FirewallRule("c"), found["c\n"])) is not None
    assert state.placed is False
    assert found["d\n"] == "@d\n"
