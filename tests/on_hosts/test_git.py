"""`git` with keys, tokens, signatures, local changes and bad input, judged by git(1) itself."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge, Cook

pytestmark = pytest.mark.hosts

TOKEN = f"tkn{secrets.token_hex(8)}"

SERVER = f"""
import base64, functools, http.server
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        wanted = "Basic " + base64.b64encode(b"git:{TOKEN}").decode()
        if self.headers.get("Authorization") == wanted:
            return super().do_GET()
        self.send_response(401); self.send_header("WWW-Authenticate", "Basic realm=x")
        self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *a): pass
handler = functools.partial(Handler, directory="/srv")
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), handler).serve_forever()
"""

PREPARE = f"""
apt-get install -y --no-install-recommends git >/dev/null && useradd -m keeper || exit
git config --global user.name Ann; git config --global user.email ann@example.org
git init -q -b main /srv/app && cd /srv/app && echo 1 >version && git add . && git commit -qm one
ssh-keygen -q -t ed25519 -N '' -f /root/signer; ssh-keygen -q -t ed25519 -N '' -f /root/deploy
echo 2 >version; git -c gpg.format=ssh -c user.signingkey=/root/signer commit -qam two -S
git branch signed; echo 3 >version; git commit -qam three
git clone -q --bare /srv/app /home/keeper/app.git && chown -R keeper /home/keeper/app.git
git clone -q --bare /srv/app /srv/bare.git && git -C /srv/bare.git update-server-info
install -d -m 700 -o keeper /home/keeper/.ssh
install -m 600 -o keeper /root/deploy.pub /home/keeper/.ssh/authorized_keys
cat >/root/server.py <<'END'
{SERVER}
END
systemd-run -q --unit=git-by-http python3 /root/server.py
python3 -V >/dev/null || apt-get install -y python3-minimal >/dev/null
until (: </dev/tcp/127.0.0.1/8099) 2>/dev/null; do sleep 0.2; done
"""


@pytest.fixture(scope="module")
def forge(module_host: KitchenHost) -> Iterator[KitchenHost]:
    """A host with repositories that it serves by file, ssh and http with a token."""
    module_host.run("apt-get install -y --no-install-recommends python3 >/dev/null", timeout=900)
    done = module_host.run(
        f"bash -c '{PREPARE.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}'", timeout=900
    )
    assert done.returncode == 0, done.stderr
    yield module_host
    module_host.run("systemctl stop git-by-http")


def head(host: KitchenHost, path: str) -> str:
    return host.run(f"git -C {path} log -1 --format=%s").stdout.strip()


def test_a_deploy_key_and_a_token_leave_nothing(forge: KitchenHost, converge: Converge) -> None:
    recipe = """
        from cookbook.secrets.secret import Secret
        git("/opt/by-ssh", repository="ssh://keeper@127.0.0.1/~/app.git", revision="main",
            key=Secret(node.vars["key"]), known_hosts=node.vars["known"])
        git("/opt/by-http", repository="http://127.0.0.1:8099/bare.git", revision="main",
            token=Secret(node.vars["token"]))
    """
    known = "127.0.0.1 " + forge.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.strip()
    key = forge.run("cat /root/deploy").stdout
    given = {"key": key, "known": known, "token": TOKEN}
    done = converge(forge, recipe, variables=given)
    assert [s.status for s in done] == ["changed"] * 2, [vars(s.error) for s in done if s.error]
    assert head(forge, "/opt/by-ssh") == head(forge, "/opt/by-http") == "three"
    assert [s.status for s in converge(forge, recipe, variables=given)] == ["ok"] * 2
    left = forge.run(f"grep -rlF {TOKEN} /opt /dev/shm /tmp /var/lib/cook /root/.git-credentials")
    assert left.stdout == ""
    assert forge.run("ls -A /dev/shm | grep cook").stdout == ""
    inner = key.splitlines()[2]
    assert forge.run(f"grep -rlF '{inner}' /opt /tmp /var/lib/cook").stdout == ""


BAD = {
    "no such revision": (
        'git("/opt/bad", repository="/srv/app", revision="nowhere")',
        "has no branch and no tag nowhere",
    ),
    "no such commit": (
        f'git("/opt/bad", repository="/srv/app", revision="{"ab" * 20}")',
        "abababab",
    ),
    "no such repository": (
        'git("/opt/bad", repository="/srv/none")',
        "'/srv/none' does not appear to be a git repository",
    ),
    "a wrong token": (
        'git("/opt/bad", repository="http://127.0.0.1:8099/bare.git", token="wrong")',
        "Authentication failed",
    ),
    "an unknown host key": (
        'git("/opt/bad", repository="ssh://keeper@127.0.0.1/srv/app")',
        "Host key verification failed",
    ),
    "a commit without a signature": (
        'git("/opt/bad", repository="/srv/app", allowed_signers=node.vars["signers"])',
        "has no signature of the declared keys",
    ),
    "files that are no working copy": (
        'git("/etc/apt", repository="/srv/app")',
        "/etc/apt has files, and is no working copy of git",
    ),
    "a working copy of another user": (
        'git("/srv/app", repository="/srv/bare.git", user="keeper")',
        "the working copy /srv/app belongs to the user root",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_named_and_leaves_nothing(
    forge: KitchenHost, converge: Converge, what: str
) -> None:
    recipe, says = BAD[what]
    signers = "ann@example.org " + forge.run("cat /root/signer.pub").stdout.strip()
    [step] = converge(forge, recipe, variables={"signers": signers})
    assert step.error is not None
    assert says in str(vars(step.error)), vars(step.error)
    assert forge.run("ls -dA /opt/bad /opt/.cook* 2>/dev/null").stdout == ""


def test_a_signed_commit_is_checked_out(
    forge: KitchenHost, converge: Converge, plan: Converge
) -> None:
    recipe = """
        git("/opt/signed", repository="/srv/app", revision=node.vars["at"],
            allowed_signers=node.vars["signers"])
    """
    signers = "ann@example.org " + forge.run("cat /root/signer.pub").stdout.strip()
    given = {"signers": signers, "at": "signed"}
    assert [s.status for s in converge(forge, recipe, variables=given)] == ["changed"]
    assert [s.status for s in converge(forge, recipe, variables=given)] == ["ok"]
    [step] = plan(forge, recipe, variables={**given, "at": "main"})
    assert step.change is not None
    says = "; the commit has no signature of the declared keys, so the run will fail"
    assert str(step.change.note).endswith(says)
    [step] = converge(forge, recipe, variables={**given, "at": "main"})
    assert step.error is not None
    assert head(forge, "/opt/signed") == "two"  # what was there goes on


def test_local_changes_are_seen_and_never_lost(forge: KitchenHost, converge: Converge) -> None:
    def recipe(changes: str, revision: str = "main") -> str:
        return (
            f'git("/opt/edited", repository="/srv/app", revision="{revision}",'
            f' local_changes="{changes}")'
        )

    assert [s.status for s in converge(forge, recipe("refuse"))] == ["changed"]
    forge.run("cd /opt/edited && echo edit >>version")
    [step] = converge(forge, recipe("refuse"))
    assert step.error is not None
    assert "has local edits: version" in str(step.error)
    assert [s.status for s in converge(forge, recipe("keep"))] == ["ok"]
    [step] = converge(forge, recipe("discard"))
    assert step.status == "changed"
    assert forge.run("cd /opt/edited && git status --porcelain").stdout == ""

    forge.run("cd /opt/edited && echo mine >mine && git add . && git commit -qm mine")
    mine = forge.run("git -C /opt/edited rev-parse HEAD").stdout.strip()
    [step] = converge(forge, recipe("refuse"))
    assert step.error is not None
    assert "has 1 local commit that no remote has" in str(step.error)
    [step] = converge(forge, recipe("discard"))
    assert step.status == "changed"
    assert head(forge, "/opt/edited") == "three"
    kept = forge.run("git -C /opt/edited for-each-ref --format='%(objectname)' refs/cook/kept")
    assert kept.stdout.strip() == mine


def test_a_file_that_a_commit_would_overwrite_is_in_the_way(
    forge: KitchenHost, converge: Converge, cook: Cook
) -> None:
    """`git checkout` overwrites ignored files without a word, and with -f untracked ones, too."""

    def recipe(options: str) -> str:
        return f'git("/opt/way", repository="/srv/way", revision="main"{options})'

    forge.run("git init -q -b main /srv/way && cd /srv/way && echo '*.log' >.gitignore")
    forge.run("cd /srv/way && git add . && git commit -qm first")
    assert [s.status for s in converge(forge, recipe(""))] == ["changed"]
    forge.run("cd /srv/way && echo their | tee a.log b && git add -f . && git commit -qm b")
    forge.run("cd /opt/way && echo mine >a.log && echo mine >b && echo mine >c.log")
    for options in ("", ', local_changes="discard"', ', local_changes="keep"'):
        [told] = cook(forge, "plan", recipe=recipe(options))["hosts"][forge.name]["resources"]
        assert told["note"].endswith("b; in the way, so the run will fail: a.log, b")
        [step] = converge(forge, recipe(options))
        assert step.error is not None
        said = str(vars(step.error))
        assert "are in the way" in said
        assert "a.log" in said
        assert forge.run("cd /opt/way; cat a.log b; git log --format=%s").stdout.split() == [
            *("mine", "mine", "first")
        ]

    # What `clean` removes is in the plan: no file that is ignored until the commit changes.
    forge.run("rm /opt/way/a.log; cd /srv/way && git rm -q .gitignore && git commit -qm all")
    [step] = converge(forge, recipe(", clean=True"))
    assert step.change is not None
    assert step.change.fields["untracked"] == (("b",), ())
    assert "untracked is ('c.log',)" in str(step.error)
    assert forge.run("cd /opt/way; cat a.log b c.log").stdout.split() == ["their", "their", "mine"]


def test_a_checkout_that_was_cut_off_is_no_edit(forge: KitchenHost, converge: Converge) -> None:
    """As after a power cut, or on a full disk: files of the new commit, and HEAD as before."""
    recipe = 'git("/opt/cut", repository="/srv/cut", revision="main")'
    forge.run("git init -q -b main /srv/cut && cd /srv/cut && echo 1 >old && git add .")
    forge.run("cd /srv/cut && git commit -qm first && git clone -q /srv/cut /opt/cut")
    forge.run("cd /srv/cut && echo 2 >old && echo 2 >new && git add . && git commit -qm second")
    forge.run(
        "cd /opt/cut && git fetch -q && git update-ref refs/cook/moving origin/main"
        " && echo half >old && echo half >new && echo mine >mine"
    )
    [step] = converge(forge, recipe)
    assert step.error is None
    assert step.change is not None
    assert step.change.fields["local_edits"] == (("old",), ())
    assert forge.run("cd /opt/cut && cat old new mine").stdout.split() == ["2", "2", "mine"]
    forge.run("echo edit >/opt/cut/old")
    [step] = converge(forge, recipe)
    assert "has local edits: old" in str(step.error)


def test_a_plan_shows_the_commits_between(forge: KitchenHost, cook: Cook) -> None:
    forge.run("git clone -q /srv/app /opt/behind && git -C /opt/behind reset -q --hard HEAD~2")
    forge.run("cd /srv/app && git checkout -q main && echo 4 >version && git commit -qam 'four, ü'")
    everything = "cd /opt/behind && find . -type f -exec sha256sum {} + | sort"
    before = forge.run(everything).stdout
    recipe = 'git("/opt/behind", repository="/srv/app", revision="main")'
    done = cook(forge, "plan", recipe=recipe)
    [told] = done["hosts"][forge.name]["resources"]
    assert re.fullmatch(r"3 commits: \w+ four, ü; \w+ three; \w+ two", told["note"])
    assert forge.run(everything).stdout == before


# Keys of OpenPGP, each in a keyring of its own: good, another one, one that had expired when it
# signed, one that has expired since, and one that was revoked.
OPENPGP = """
apt-get install -y --no-install-recommends gnupg >/dev/null </dev/null; cd /root || exit
new() { mkdir -m 700 /root/$1 && shift_=$2; set -- "$1" "$2" "$3"
gpg --homedir /root/$1 --faked-system-time $2 --batch -q --passphrase '' \\
--quick-gen-key "$1 <$1@example.org>" ed25519 sign "$3"; }
new good 20250101T000000 never; new other 20250101T000000 never
new expired 20250101T000000 20250201T000000; new revoked 20250101T000000 never
git init -q -b main /srv/pgp && cd /srv/pgp
for k in good other expired revoked; do git checkout -q --orphan $k; echo $k >who; git add who
printf '#!/bin/sh\\nexec gpg --homedir /root/%s --faked-system-time 20250115T000000 "$@"\\n' $k \\
>/root/sign-$k
chmod +x /root/sign-$k
git -c gpg.program=/root/sign-$k -c user.signingkey=$k@example.org commit -q -S -m $k || exit
git -c gpg.program=/root/sign-$k -c user.signingkey=$k@example.org tag -s -m $k v-$k || exit; done
git checkout -q --orphan plain; git commit -qm plain; git tag -am plain v-plain
printf 'y\\n0\\n\\ny\\n' | gpg --homedir /root/revoked --command-fd 0 --no-tty -q \\
--gen-revoke revoked@example.org >/root/revocation 2>/dev/null
gpg --homedir /root/revoked --batch -q --import /root/revocation
for k in good other expired revoked; do gpg --homedir /root/$k --armor --export >/root/$k.asc; done
ls -s /root/*.asc >&2
"""


@pytest.fixture(scope="module")
def keyring(forge: KitchenHost) -> dict[str, str]:
    """Return the public keys by name."""
    done = forge.run(OPENPGP, timeout=900)
    assert done.returncode == 0, done.stderr
    names = ("good", "other", "expired", "revoked")
    return {name: forge.run(f"cat /root/{name}.asc").stdout for name in names}


PGP = """
git("/opt/pgp", repository="/srv/pgp", revision=node.vars["at"],
    signing_keys=node.vars["keys"])
"""


@pytest.mark.parametrize("at", ["good", "v-good"])
def test_a_commit_and_a_tag_are_verified_by_a_key_of_openpgp(
    forge: KitchenHost, converge: Converge, keyring: dict[str, str], at: str
) -> None:
    """The key is in no keyring of the host, and in none afterwards."""
    forge.run("rm -rf /opt/pgp /root/.gnupg")
    given = {"at": at, "keys": [keyring["other"], keyring["good"]]}
    done = converge(forge, PGP, variables=given)
    assert [s.status for s in done] == ["changed"], [vars(s.error) for s in done if s.error]
    assert head(forge, "/opt/pgp") == "good"
    assert [s.status for s in converge(forge, PGP, variables=given)] == ["ok"]
    assert forge.run("gpg --batch -q --list-keys").stdout == ""
    assert forge.run("pgrep -a gpg-agent | grep cook").stdout == ""


UNSIGNED = {
    "no signature": ("plain", ["good"]),
    "a tag without a signature": ("v-plain", ["good"]),
    "another key": ("other", ["good"]),
    "a tag by another key": ("v-other", ["good"]),
    "a key that has expired": ("expired", ["good", "expired"]),
    "a key that was revoked": ("revoked", ["good", "revoked"]),
}


@pytest.mark.parametrize("what", UNSIGNED)
def test_what_no_declared_key_has_signed_is_refused(
    forge: KitchenHost, converge: Converge, keyring: dict[str, str], what: str
) -> None:
    """What was there before goes on."""
    at, names = UNSIGNED[what]
    keys = [keyring[name] for name in names]
    forge.run("rm -rf /opt/pgp")
    assert converge(forge, PGP, variables={"at": "good", "keys": keys})[0].status == "changed"
    [step] = converge(forge, PGP, variables={"at": at, "keys": keys})
    assert step.error is not None
    assert "has no signature of the declared keys" in str(vars(step.error)), vars(step.error)
    assert head(forge, "/opt/pgp") == "good"


def test_a_keyring_of_the_user_does_not_vouch_where_ssh_keys_are_trusted(
    forge: KitchenHost, converge: Converge
) -> None:
    """Git takes the program by the kind of the signature, and so would ask gpg(1)."""
    done = forge.run(
        "set -e; apt-get install -y --no-install-recommends gnupg >/dev/null; cd /srv/app\n"
        "gpg --batch --passphrase '' --quick-gen-key ann@pgp.example.org ed25519 sign never\n"
        "git checkout -q -b pgp signed; echo 4 >version\n"
        "git -c gpg.format=openpgp -c user.signingKey=ann@pgp.example.org commit -qam four -S\n"
        "git verify-commit HEAD; git checkout -q main",
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    recipe = """
        git("/opt/pgp", repository="/srv/app", revision="pgp",
            allowed_signers=node.vars["signers"])
    """
    signers = "ann@example.org " + forge.run("cat /root/signer.pub").stdout.strip()
    [step] = converge(forge, recipe, variables={"signers": signers})
    assert step.error is not None
    assert "has no signature of the declared keys" in str(step.error)
    assert forge.run("[ -e /opt/pgp/version ]").returncode != 0


def test_a_copy_of_another_user_is_not_pruned_with_local_changes(
    forge: KitchenHost, cook: Cook
) -> None:
    """The question is asked as the user of the resource; git(1) trusts no folder of others."""
    source = 'package("git")\n'
    copy = 'git("/home/keeper/app", repository="/home/keeper/app.git", become_user="keeper")\n'
    assert cook(forge, "converge", recipe=source + copy)["status"] == 0
    forge.run("su keeper -c 'echo mine >/home/keeper/app/mine; echo 4 >/home/keeper/app/version'")

    document = cook(forge, "converge", "--prune", recipe=source)

    assert document["status"] == 3
    [told] = [r for r in document["hosts"][forge.name]["resources"] if r["status"] == "failed"]
    assert told["id"] == "git[/home/keeper/app]"
    assert "it has local changes" in told["error"]["message"]
    assert forge.run("cat /home/keeper/app/mine /home/keeper/app/version").stdout == "mine\n4\n"
    forge.run("su keeper -c 'cd /home/keeper/app && git checkout -q . && rm mine'")
    assert cook(forge, "converge", "--prune", recipe=source)["status"] == 0
    assert forge.run("ls -d /home/keeper/app").returncode != 0
