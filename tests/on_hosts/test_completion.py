"""`cook completion` in the fish and the zsh of Debian."""

from __future__ import annotations

import base64

import pytest

from cookbook.cli.authoring.completion import script
from cookbook.kitchen import KitchenHost

pytestmark = pytest.mark.hosts

HOSTS = 'hosts:\n  web[1:2]: {}\n  db1: {}\ngroups: {front: {hosts: ["web[1:2]"]}}\n'

# zsh completes only for a terminal, so it gets one: zpty. The widget prints the list, which is read
# until these words are in it.
ZSH = r"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'cd /srv/c; autoload -U compinit; compinit -u -D; source ./cook.zsh; PS1=; LISTMAX=0
compdef _shtab_cook cook; bindkey "^I" complete-word; echo rea""dy'
zpty -r z line '*ready*'
zpty -w -n z "cook $1"$'\t\t'
shift; text=; wait=600
while (( wait-- )); do
  while zpty -r -t z line; do text+=$line; done
  for word; do [[ $text == *$word* ]] || { sleep 0.1; continue 2; }; done
  break
done
print -r -- $text
"""


@pytest.fixture(scope="module")
def host_with_shells(module_host: KitchenHost) -> KitchenHost:
    files = {"hosts.yml": HOSTS, "ask.zsh": ZSH}
    files |= {f"cook.{shell}": script(shell) for shell in ("zsh", "fish")}
    for name, text in files.items():
        data = base64.b64encode(text.encode()).decode()
        put = f"mkdir -p /srv/c; base64 -d >/srv/c/{name} <<'END'\n{data}\nEND"
        assert module_host.run(put).returncode == 0
    install = "apt-get -qq update && apt-get -qq install --no-install-recommends fish zsh"
    done = module_host.run(f"{install} >/dev/null", timeout=900)
    assert done.returncode == 0, done.stderr
    return module_host


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("conv", {"converge"}),
        ("rollout st", {"start", "status"}),
        ("converge --limit ", {"web1", "web2", "db1", "front"}),
        ("lock d", {"db1"}),
        ("converge --output ", {"text", "json"}),
    ],
)
def test_fish(host_with_shells: KitchenHost, line: str, found: set[str]) -> None:
    ask = f"cd /srv/c; fish -c 'source cook.fish; complete -C \"cook {line}\"'"
    done = host_with_shells.run(ask)
    assert done.stderr == ""
    assert found <= {one.partition("\t")[0] for one in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("line", "found"),
    [("roll", {"rollout", "rollback"}), ("converge --limit ", {"web1", "web2", "db1", "front"})],
)
def test_zsh(host_with_shells: KitchenHost, line: str, found: set[str]) -> None:
    ask = f"cd /srv/c; TERM=dumb zsh -f ask.zsh '{line}' {' '.join(sorted(found))}"
    done = host_with_shells.run(ask, timeout=300)
    assert {one for one in found if one in done.stdout} == found, done.stdout
