"""`subversion` with a password, local changes, other addresses and bad input."""

from __future__ import annotations

import secrets

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Converge, Cook
from tests.waiting import listening

pytestmark = pytest.mark.hosts

PASSWORD = f"pw {secrets.token_hex(8)}"

PREPARE = f"""
apt-get update -qq && apt-get install -y -qq --no-install-recommends subversion >/dev/null 2>&1
useradd -m keeper; cd /srv; svnadmin create app; svnadmin create other
s() {{ svn --config-dir /run/svn-config --non-interactive -q "$@"; }}
s mkdir -m trunk file:///srv/app/trunk; s mkdir -m trunk file:///srv/other/trunk
s checkout file:///srv/app/trunk /run/work; cd /run/work
printf 'one\\ntwo\\nthree\\nfour\\nfive\\nsix\\nseven\\n' >text; s add text; s commit -m r2
sed -i s/one/ONE/ text; s commit -m r3; sed -i s/two/TWO/ text; s commit -m r4
printf '[general]\\nanon-access = none\\nauth-access = read\\npassword-db = passwd\\n' \
>/srv/app/conf/svnserve.conf
printf '[users]\\nann = %s\\n' '{PASSWORD}' >/srv/app/conf/passwd
systemd-run -q --unit=svn-server svnserve -d --foreground -r /srv --listen-host 127.0.0.1
{listening(3690)}
printf '#!/bin/sh\\nfor a; do printf "%%s|" "$a"; done >>/run/svn-calls; echo >>/run/svn-calls
exec /usr/bin/svn "$@"\\n' >/usr/local/bin/svn; chmod 755 /usr/local/bin/svn
"""


@pytest.fixture(scope="module")
def repositories(module_host: KitchenHost) -> KitchenHost:
    """A host with repositories, which it serves with a password, and a svn that notes its calls."""
    done = module_host.run(PREPARE, timeout=900)
    assert done.returncode == 0, done.stderr
    return module_host


def error(steps: list[Step]) -> str:
    [failed] = [step for step in steps if step.status == "failed"]
    return str(failed.error)


def text(host: KitchenHost, path: str) -> list[str]:
    return host.run(f"cat {path}/text").stdout.split()


def test_a_password_is_on_the_standard_input_only(
    repositories: KitchenHost, converge: Converge
) -> None:
    recipe = """
        from cookbook.secrets.secret import Secret
        subversion("/opt/app", repository="svn://127.0.0.1/app/trunk", username="ann",
            password=Secret(node.vars["word"]), revision=node.vars["at"])
    """
    host = repositories
    for at, first in ((2, "one"), ("HEAD", "ONE")):
        given = {"word": PASSWORD, "at": at}
        assert [s.status for s in converge(host, recipe, variables=given)] == ["changed"]
        assert text(host, "/opt/app")[0] == first
        assert [s.status for s in converge(host, recipe, variables=given)] == ["ok"]
    said = error(converge(host, recipe, variables={"word": "wrong", "at": "HEAD"}))
    assert "E170001" in said
    calls = host.run("cat /run/svn-calls").stdout
    assert "--password-from-stdin|" in calls
    assert PASSWORD not in calls
    left = host.run(f"grep -rlF '{PASSWORD}' /opt /dev/shm /tmp /var/lib/cook /root /home")
    assert left.stdout == ""
    assert host.run("ls -A /dev/shm | grep cook; ls -d /root/.subversion").stdout == ""


APP = 'subversion("/opt/local", repository="file:///srv/app/trunk", {})\n'


def planned(host: KitchenHost, cook: Cook, recipe: str) -> tuple[object, object]:
    """Return the remark and the difference that a plan shows."""
    document = cook(host, "plan", recipe=recipe)
    [told] = document["hosts"][host.name]["resources"]
    return told["note"], told["changes"]


def test_local_edits_are_refused_kept_or_discarded(
    repositories: KitchenHost, converge: Converge, cook: Cook
) -> None:
    host = repositories
    converge(host, APP.format("revision=2"))
    host.run("cd /opt/local && sed -i s/seven/SEVEN/ text && echo mine >stray")
    said = error(converge(host, APP.format("revision=3")))
    assert "/opt/local has local edits: text" in said
    kept = APP.format("revision=4, local_changes='keep'")
    note, changes = planned(host, cook, kept)
    assert note == "r3 (root), r4 (root)"
    assert changes == {"revision": ["2", "4"]}
    assert [s.status for s in converge(host, kept)] == ["changed"]
    assert text(host, "/opt/local") == ["ONE", "TWO", "three", "four", "five", "six", "SEVEN"]
    note, _ = planned(host, cook, APP.format("revision=2, local_changes='keep'"))
    assert note == "taken back: r4 (root), r3 (root)"
    clean = APP.format("revision=3, local_changes='discard', clean=True")
    assert [s.status for s in converge(host, clean)] == ["changed"]
    assert text(host, "/opt/local")[-1] == "seven"
    assert host.run("ls /opt/local").stdout == "text\n"


def test_a_revision_that_conflicts_with_an_edit_is_not_taken(
    repositories: KitchenHost, converge: Converge
) -> None:
    host = repositories
    converge(host, APP.format("revision=3, local_changes='discard', clean=True"))
    host.run("cd /opt/local && sed -i s/two/mine/ text")
    before = host.run("cat /opt/local/text; cd /opt/local; /usr/bin/svn info --show-item revision")
    said = error(converge(host, APP.format("revision=4, local_changes='keep'")))
    assert "the revision changes what is edited here" in said
    after = host.run("cat /opt/local/text; cd /opt/local; /usr/bin/svn info --show-item revision")
    assert after.stdout == before.stdout
    host.run("rm -r /opt/local")


def test_an_undo_brings_discarded_edits_back(repositories: KitchenHost, cook: Cook) -> None:
    host = repositories
    cook(host, "converge", recipe=APP.format("revision=3"))
    host.run("cd /opt/local && echo mine >>text")
    done = cook(host, "converge", recipe=APP.format("local_changes='discard'"))
    assert done["status"] == 0
    assert text(host, "/opt/local")[:2] == ["ONE", "TWO"]
    assert cook(host, "undo", done["run"], "--yes")["status"] == 0
    assert text(host, "/opt/local") == [
        *["ONE", "two", "three", "four", "five", "six", "seven", "mine"]
    ]
    host.run("rm -r /opt/local")


def test_a_server_that_has_moved_and_a_repository_that_is_another(
    repositories: KitchenHost, converge: Converge
) -> None:
    host = repositories
    host.run("cp -a /srv/app /srv/moved")
    converge(host, APP.format("revision=3"))
    moved = APP.replace("/srv/app", "/srv/moved")
    assert [s.status for s in converge(host, moved.format(""))] == ["changed"]
    assert [s.status for s in converge(host, moved.format(""))] == ["ok"]
    said = error(converge(host, APP.replace("/srv/app", "/srv/other").format("")))
    assert "/opt/local is a working copy of another repository: file:///srv/moved/trunk" in said
    host.run("rm -r /opt/local")


BAD = {
    "no such path": ('"file:///srv/app/nowhere"', "E200009"),
    "no such revision": ('"file:///srv/app/trunk", revision=99', "E160006"),
    "no such repository": ('"file:///srv/none/trunk"', "E170013"),
    "no login": ('"svn://127.0.0.1/app/trunk"', "E170001"),
    "no server": ('"svn://127.0.0.1:1/app/trunk"', "Connection refused"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_named_and_leaves_nothing(
    repositories: KitchenHost, converge: Converge, what: str
) -> None:
    given, says = BAD[what]
    assert says in error(converge(repositories, f'subversion("/opt/bad", repository={given})'))
    assert repositories.run("ls -A /opt").stdout == "app\n"


def test_files_of_others_are_refused(repositories: KitchenHost, converge: Converge) -> None:
    host = repositories
    said = error(converge(host, 'subversion("/etc/apt", repository="file:///srv/app/trunk")'))
    assert "/etc/apt has files, and is no working copy of subversion" in said
    keeper = 'subversion("/opt/app", repository="file:///srv/app/trunk", user="keeper")'
    assert "the working copy /opt/app belongs to the user root" in error(converge(host, keeper))
