"""Files on a real host, as root and by sudo, judged by what the host itself says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cookbook.kitchen import KitchenHost

pytestmark = pytest.mark.hosts

USERS = pytest.mark.parametrize("user", ["root", "admin"])


def said(host: KitchenHost, command: str) -> str:
    return str(host.run(command).stdout)


def twice(converge: Any, host: KitchenHost, recipe: str, user: str) -> None:
    """Everything changes, and then nothing does."""
    first, second = (converge(host, recipe, user=user) for _ in range(2))
    assert {str(step.error) for step in first} == {"None"}
    assert {step.status for step in first} == {"changed"}
    assert {step.status for step in second} == {"ok"}


@USERS
def test_owners_modes_and_names(converge: Any, module_host: KitchenHost, user: str) -> None:
    recipe = f"""
        group("crew-{user}")
        directory("/srv/{user} ünï", owner="nobody", group="crew-{user}", mode=0o2770)
        file("/srv/{user} ünï/日本 '$x'", content="ünïcode\\n", owner="www-data", mode="0640")
        link("/srv/{user} ünï/link", to="日本 '$x'")
        file("/srv/{user}-setuid", content="x", owner="daemon", group="crew-{user}", mode="4750")
    """
    twice(converge, module_host, recipe, user)

    stat = "stat -c '%a %U %G %F'"
    folder = f"'/srv/{user} ünï'"
    crew = f"crew-{user}"
    assert said(module_host, f"{stat} {folder}") == f"2770 nobody {crew} directory\n"
    name = f"{folder}/\"日本 '\\$x'\""
    assert said(module_host, f"{stat} {name}") == f"640 www-data {crew} regular file\n"
    assert said(module_host, f"cat {folder}/link") == "ünïcode\n"
    assert said(module_host, f"{stat} /srv/{user}-setuid").startswith(f"4750 daemon {crew} ")


@USERS
def test_twenty_megabytes(
    converge: Any, module_host: KitchenHost, tmp_path: Path, user: str
) -> None:
    data = bytes(range(256)) * 80_000
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "big").write_bytes(data)

    twice(converge, module_host, f'file("/srv/big-{user}", source="big", backup=False)', user)

    digest = said(module_host, f"sha256sum < /srv/big-{user}").split()[0]
    assert digest == hashlib.sha256(data).hexdigest()
    assert said(module_host, "find /srv /var/tmp -name '*cook-*'") == ""


@USERS
def test_a_template_is_checked_before_it_counts(
    converge: Any, module_host: KitchenHost, tmp_path: Path, user: str
) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "sudoers.j2").write_text("{{ who }} ALL=(ALL) {{ what }}\n")
    path = f"/etc/sudoers.d/{user}-test"

    def recipe(what: str) -> str:
        return f"""
            template("{path}", source="sudoers.j2", mode="0440", verify="visudo -cf {{path}}",
                     variables=dict(who="nobody", what="{what}"))
        """

    twice(converge, module_host, recipe("/bin/true"), user)
    before = said(module_host, f"stat -c '%i %a %Y %U' {path}; cat {path}")
    [failed] = converge(module_host, recipe("not a rule ((("), user=user)

    assert failed.status == "failed"
    assert "expected a fully-qualified path name" in str(failed.error)
    assert said(module_host, f"stat -c '%i %a %Y %U' {path}; cat {path}") == before
    assert said(module_host, "ls -A /etc/sudoers.d | grep cook || :") == ""


@USERS
def test_a_command_as_somebody_else(converge: Any, module_host: KitchenHost, user: str) -> None:
    out = f"/tmp/out-{user}"
    text = f"{{ id -un; id -gn; pwd; umask; cat; }} > {out}"
    recipe = f"""
        execute("x", command="{text}", user="games", group="www-data", cwd="/usr/games",
                umask="0027", input="in", creates="{out}")
    """
    twice(converge, module_host, recipe, user)

    assert said(module_host, f"cat {out}") == "games\nwww-data\n/usr/games\n0027\nin"
    assert said(module_host, f"stat -c '%a %U %G' {out}") == "640 games www-data\n"


def test_a_look_touches_nothing(converge: Any, plan: Any, module_host: KitchenHost) -> None:
    seen = "find /etc /srv /usr/local /root /home -printf '%p %m %u %g %s %T@ %i\\n' | sort"
    converge(module_host, 'file("/srv/there", content="old")')
    before = said(module_host, seen)

    steps = plan(
        module_host,
        """
        directory("/srv/new", owner="nobody")
        file("/srv/new/file", content="x")
        file("/srv/there", content="new", mode="0600", verify="touch /srv/oops")
        file("/etc/motd", action="delete")
        link("/srv/link", to="nowhere")
        execute("touch /srv/oops2")
        """,
    )

    assert {step.status for step in steps} == {"changed"}
    assert said(module_host, seen) == before
