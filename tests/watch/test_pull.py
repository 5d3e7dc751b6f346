"""`cook pull`: real repositories, signed, unsigned, by another key, rolled back, tampered with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cookbook import inventory
from cookbook.cli import main
from cookbook.errors import PullError, UsageError
from cookbook.text.bounded_program import ProgramEnd, run_bounded
from cookbook.watch.pull import PulledRepository, TrustedKeys
from tests.texts import check

pytestmark = pytest.mark.slow  # whole runs of the program


class Author:
    """A repository of recipes, and keys to sign it with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repository = folder, folder / "repo"
        self.target = folder / "target"
        self.git("init", "--quiet", "--initial-branch", "main", str(self.repository), cwd=folder)
        for name in ("ann", "eve"):
            words = ["ssh-keygen", "-qt", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
            subprocess.run(words, check=True)
        self.signers = folder / "keys" / "signers"
        self.signers.parent.mkdir()
        public = (folder / "ann.pub").read_text()
        self.signers.write_text(f"ann@example.org {public}")
        self.commits: list[str] = []

    def git(self, *words: str, cwd: Path | None = None, **environment: str) -> str:
        settings = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        done = subprocess.run(
            ["git", *settings, *words],
            cwd=cwd or self.repository,
            env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def signing(self, key: str | None) -> tuple[str, ...]:
        if key is None:
            return ("-c", "commit.gpgSign=false")
        if (self.folder / key).exists():
            kind = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.folder / key}.pub")
        else:
            kind = ("-c", "gpg.format=openpgp", "-c", f"user.signingKey={key}")
        return (*kind, "-c", "commit.gpgSign=true", "-c", "tag.gpgSign=true")

    def commit(self, content: str, key: str | None = "ann", **environment: str) -> str:
        """Commit a recipe that writes this content; return the commit."""
        (self.repository / "site.py").write_text(
            "from cookbook.resources import file\n"
            f"file('{self.target}', content='{content}', mode='0644')\n"
        )
        self.git("add", "-A")
        words = (*self.signing(key), "commit", "--quiet", "--allow-empty", "-m", content)
        self.git(*words, cwd=None, **environment)
        self.commits.append(self.git("rev-parse", "HEAD"))
        return self.commits[-1]


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Author:
    monkeypatch.chdir(tmp_path)
    return Author(tmp_path)


Pulls = Callable[..., tuple[int, str]]


@pytest.fixture
def pull(author: Author, capsys: pytest.CaptureFixture[str]) -> Pulls:
    """Run `cook pull` of the author's repository; return its status and what it has said."""

    def run(*words: str, keys: tuple[str, ...] = ()) -> tuple[int, str]:
        trusted = keys or ("--allowed-signers", str(author.signers))
        recipes = () if "--hosts" in words else ("--recipe", "site.py")
        status = main(["pull", "--repo", str(author.repository), *trusted, *recipes, *words])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_a_signed_revision_is_converged(author: Author, pull: Pulls) -> None:
    commit = author.commit("one")
    status, said = pull("--", "--output", "json", "--record")
    assert status == 0
    assert f"main is {commit}, its signature is good" in said
    assert author.target.read_text() == "one"
    document = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert document["revision"] == commit
    assert document["set"] == "site"

    author.commit("two")
    assert pull()[0] == 0
    assert author.target.read_text() == "two"
    status, said = pull()
    assert (status, "1 host: 1 ok" in said) == (0, True)


def test_it_can_only_look(author: Author, pull: Pulls) -> None:
    author.commit("one")

    assert pull("--drift")[0] == 2
    assert not author.target.exists()


UNTRUSTED: list[tuple[str | None, str]] = [
    (None, "is not signed by a key of"),
    ("eve", "No principal matched"),
]


@pytest.mark.parametrize(("key", "reason"), UNTRUSTED)
def test_another_signature_or_none_is_refused_before_anything_is_run(
    author: Author, pull: Pulls, key: str | None, reason: str
) -> None:
    author.commit("one")
    assert pull()[0] == 0
    author.commit("two", key)
    (status, said) = pull()

    assert status == 1
    assert reason in said
    assert "nothing of it was run" in said
    assert author.target.read_text() == "one"
    repository = PulledRepository(str(author.repository))
    assert repository.accepted is not None
    assert repository.accepted.commit == author.commits[0]
    assert "'one'" in (repository.work / "site.py").read_text()

    author.commit("three")  # its signature vouches for what is below it
    assert pull()[0] == 0
    assert author.target.read_text() == "three"


@pytest.fixture
def gpg_home(author: Author) -> Iterator[Callable[[str], Path]]:
    """Create the folder of GnuPG of a person; the agents that it begins are ended."""
    made: list[Path] = []

    def make(name: str) -> Path:
        # A socket of gpg-agent must fit into 108 characters; GnuPG takes /run/user if it is there.
        folder = author.folder / f"{name}-pgp"
        folder.mkdir(mode=0o700)
        made.append(folder)
        words = ["gpg", "--homedir", str(folder), "--batch", "--passphrase", ""]
        words += ["--quick-gen-key", f"{name}@pgp.example.org", "ed25519", "sign", "never"]
        subprocess.run(words, check=True, capture_output=True)
        return folder

    yield make
    for folder in made:
        subprocess.run(["gpgconf", "--homedir", str(folder), "--kill", "all"], check=True)


def test_a_key_of_the_user_does_not_vouch_where_ssh_keys_are_trusted(
    author: Author,
    pull: Pulls,
    gpg_home: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Git takes the program by the kind of the signature, so OpenPGP would be asked as well."""
    home = gpg_home("ann")
    monkeypatch.setenv("GNUPGHOME", str(home))
    author.commit("one", "ann@pgp.example.org", GNUPGHOME=str(home))
    author.git("-c", "gpg.format=openpgp", "verify-commit", "HEAD", GNUPGHOME=str(home))

    status, said = pull()
    assert (status, author.target.exists()) == (1, False)
    assert "is not signed by a key of" in said


def test_a_setting_of_the_user_does_not_verify(
    author: Author, pull: Pulls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`true` would find each signature good."""
    author.commit("one", "eve")
    config = tmp_path / "gitconfig"
    config.write_text('[gpg "ssh"]\n\tprogram = true\n\tallowedSignersFile = /dev/null\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "gpg.ssh.program")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")

    assert pull()[0] == 1
    assert not author.target.exists()


def test_openpgp(author: Author, pull: Pulls, gpg_home: Callable[[str], Path]) -> None:
    home = gpg_home("ann")
    other = gpg_home("eve")
    keyring = author.signers.parent / "ring.asc"
    export = [
        "gpg",
        "--homedir",
        str(home),
        "--batch",
        "--armor",
        "--export",
        "ann@pgp.example.org",
    ]
    keyring.write_bytes(subprocess.run(export, check=True, capture_output=True).stdout)
    keys = ("--keyring", str(keyring))

    author.commit("one", "ann@pgp.example.org", GNUPGHOME=str(home))
    assert pull(keys=keys)[0] == 0
    author.commit("two", "eve@pgp.example.org", GNUPGHOME=str(other))
    status, said = pull(keys=keys)
    assert status == 1
    assert "No public key" in said
    author.commit("three", "ann")  # by SSH: not what is trusted here
    assert pull(keys=keys)[0] == 1
    assert author.target.read_text() == "one"

    keyring.write_text("no keys")
    assert "is no keyring" in pull(keys=keys)[1]


def test_an_older_revision_is_refused(author: Author, pull: Pulls) -> None:
    first, second = author.commit("one"), author.commit("two")
    assert pull()[0] == 0
    author.git("reset", "--quiet", "--hard", first)
    status, said = pull()
    assert status == 1
    assert f"{first[:12]} is older than {second[:12]}, which was accepted last" in said
    assert author.target.read_text() == "two"

    author.git("checkout", "--quiet", "--orphan", "other")
    third = author.commit("three")
    status, said = pull("--ref", "other")
    assert status == 1
    assert f"{third[:12]} does not come after {second[:12]}" in said

    assert pull("--allow-older")[0] == 0
    assert author.target.read_text() == "one"
    author.git("checkout", "--quiet", "main")
    author.git("merge", "--quiet", "--ff-only", second)
    assert pull()[0] == 0
    assert author.target.read_text() == "two"


def test_the_last_revision_is_known_although_the_repository_is_gone(
    author: Author, pull: Pulls
) -> None:
    first = author.commit("one")
    author.commit("two")
    assert pull()[0] == 0
    repository = PulledRepository(str(author.repository))
    shutil.rmtree(repository.folder / "repository.git")
    author.git("reset", "--quiet", "--hard", first)
    assert pull()[0] == 1

    (repository.folder / "accepted.json").write_text("{")
    status, said = pull()
    assert (status, "it is not known which revision was the last" in said) == (1, True)


def test_a_run_that_fails_is_not_gone_back_behind(author: Author, pull: Pulls) -> None:
    first = author.commit("one")
    (author.repository / "site.py").write_text("file(")
    author.git("add", "-A")
    author.git(*author.signing("ann"), "commit", "--quiet", "-m", "broken")
    status, said = pull()
    assert status == 1
    assert "was never closed" in said

    author.git("reset", "--quiet", "--hard", first)
    assert "is older than" in pull()[1]


def test_tags_and_commits(author: Author, pull: Pulls) -> None:
    commit = author.commit("one", None)
    author.git(*author.signing("ann"), "tag", "-s", "-m", "v1", "v1")
    assert pull("--ref", "refs/tags/v1")[0] == 0  # the tag vouches for the commit
    assert author.target.read_text() == "one"
    assert pull("--ref", commit)[0] == 1

    second = author.commit("two")
    author.git("-c", "tag.gpgSign=false", "tag", "-a", "-m", "v2", "v2")
    assert pull("--ref", "refs/tags/v2")[0] == 1  # an unsigned tag of a signed commit
    author.git("config", "uploadpack.allowAnySHA1InWant", "true")
    assert pull("--ref", second)[0] == 0


def test_files_of_a_former_revision_are_gone(author: Author, pull: Pulls) -> None:
    (author.repository / "old.py").write_text("")
    author.commit("one")
    pull()
    work = PulledRepository(str(author.repository)).work
    (work / "planted.py").write_text("")
    (author.repository / "old.py").unlink()
    author.commit("two")
    pull()

    assert sorted(path.name for path in work.iterdir()) == ["site.py"]
    assert work.parent.stat().st_mode & 0o077 == 0


def test_hooks_and_filters_of_the_revision_are_not_run(
    author: Author, pull: Pulls, tmp_path: Path
) -> None:
    hook = f"#!/bin/sh\ntouch {tmp_path}/hooked\n"
    repository = PulledRepository(str(author.repository))
    (author.repository / ".gitattributes").write_text("* filter=evil\n")
    author.commit("one")
    pull()
    hooks = repository.folder / "repository.git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(hook)
        (hooks / name).chmod(0o755)
    author.commit("two")

    assert pull()[0] == 0
    assert not (tmp_path / "hooked").exists()


INVENTORY = """\
hosts:
  web1.example.org: {user: admin, become: sudo, vars: {greeting: hello}}
  web2.example.org: {}
groups:
  web: {hosts: [web1.example.org, web2.example.org], recipes: [site.py]}
"""


def test_a_host_finds_itself_in_the_inventory(
    author: Author, pull: Pulls, capsys: pytest.CaptureFixture[str]
) -> None:
    (author.repository / "hosts.yml").write_text(INVENTORY)
    (author.repository / "features.yml").write_text("new: {share: 100%}")
    author.commit("one")
    (author.repository / "site.py").write_text(
        "from cookbook.recipe import node\nfrom cookbook.resources import file\n"
        f"file('{author.target}', content=node.name + node.vars['greeting']"
        " + str(node.feature('new')), mode='0644')\n"
    )
    author.git("add", "-A")
    author.git(*author.signing("ann"), "commit", "--quiet", "-m", "two")

    status, said = pull("--hosts", "hosts.yml", "--host", "web1")
    assert status == 0, said
    assert author.target.read_text() == "web1.example.orghelloTrue"
    assert (
        main(["status", "--hosts", str(author.repository / "hosts.yml"), "--limit", "web1*"]) == 0
    )
    said = capsys.readouterr().out  # by the inventory, as an operator asks who has the same history
    assert "1 host: 1 in line" in said, said
    status, said = pull("--hosts", "hosts.yml", "--host", "wbe1.example.org")
    assert status == 1
    assert "no host of the inventory is named 'wbe1.example.org'" in said
    assert "did you mean 'web1.example.org'?" in said


def test_the_host_that_a_machine_is() -> None:
    found = inventory.from_data({"hosts": ["web1.example.org", "db1", "db1.example.org"]})

    assert found.named_as("web1") == "web1.example.org"
    assert found.named_as("web1.lan") == "web1.example.org"
    assert found.named_as("db1") == "db1"
    with pytest.raises(UsageError):
        found.named_as("db1.lan")  # two can be meant
    assert found.with_local("db1").hosts["db1"].transport == "local"
    assert found.with_local("db1").hosts["web1.example.org"].transport == "ssh"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("--ref", "nowhere"),
            "nowhere of REPO cannot be fetched: fatal: couldn't find",
        ),
        (("--ref", "--upload-pack=x"), None),
        (("--ref", "a..b"), "'a..b' is no name of a branch, tag or commit"),
        (("--recipe", "../keys/signers"), "../keys/signers is no file of this revision"),
        (("--recipe", "/etc/passwd"), "/etc/passwd is no file of this revision"),
        (("--recipe", "none.py"), "none.py is no file of this revision"),
        (("--", "--hosts", "x.yml"), "--hosts is an option of pull itself"),
        (("--", "--limit=web1"), "--limit=web1 is an option of pull itself"),
        (("stray",), "'stray' is not understood"),
    ],
)
def test_what_is_wrong_is_refused(
    author: Author, pull: Pulls, words: tuple[str, ...], error: str | None
) -> None:
    author.commit("one")
    try:
        status, said = pull(*words)
    except SystemExit as ended:
        status, said = int(str(ended.code)), ""

    assert status == 1
    assert not author.target.exists()
    assert error is None or error in said.replace(str(author.repository), "REPO")


@pytest.mark.parametrize("url", ["ext::sh -c touch% /tmp/x", "--upload-pack=x", "fd::17"])
def test_an_address_that_is_a_command_is_refused(url: str) -> None:
    with pytest.raises(PullError, match="is no address of a repository"):
        PulledRepository(url)


def test_keys_that_others_can_write_are_refused(author: Author, pull: Pulls) -> None:
    author.commit("one")
    author.signers.chmod(0o664)
    status, said = pull()
    assert (status, "others can write it" in said) == (1, True)
    author.signers.chmod(0o644)
    author.signers.parent.chmod(0o777)
    assert pull()[0] == 1
    author.signers.parent.chmod(0o755)
    assert pull()[0] == 0
    author.signers.unlink()
    assert "No such file or directory" in pull()[1]


def test_two_at_once_are_refused(author: Author, pull: Pulls) -> None:
    author.commit("one")
    with PulledRepository(str(author.repository)).locked():
        status, said = pull()

    assert (status, "another pull of this repository is at work" in said) == (1, True)


def test_a_user_in_the_address_is_not_shown(tmp_path: Path) -> None:
    signers = tmp_path / "signers"
    signers.write_text("")
    repository = PulledRepository("http://hunter2@127.0.0.1:9/x.git", tmp_path / "state")
    with repository.locked(), pytest.raises(PullError) as caught:
        repository.accept("main", TrustedKeys(signers))

    assert "http://127.0.0.1:9/x.git" in str(caught.value)
    assert "hunter2" not in str(caught.value).replace("http://hunter2@127", "")


def test_a_token_in_place_of_a_user_is_refused_and_not_shown(tmp_path: Path) -> None:
    token = f"ghp_{'a' * 36}"
    with pytest.raises(PullError) as refused:
        PulledRepository(f"https://{token}@git.example.org/x.git", tmp_path)
    assert token not in str(refused.value)
    assert "git.example.org/x.git" in str(refused.value)


@pytest.mark.parametrize(
    "password", ["hunter2", "hun@hunter2", "a/hunter2", "9hunter2", "h:hunter2"]
)
def test_a_password_in_the_address_is_refused_and_not_shown(
    password: str, author: Author, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"https://ann:{password}@git.example.org:8443/x.git"
    words = ["pull", "--repo", url, "--allowed-signers", str(author.signers), "--recipe", "r.py"]
    for more in ([], ["--print-unit"], ["--print-unit", "timer"]):
        assert main([*words, *more]) == 1
        said = capsys.readouterr()
        assert "an address with a password would be seen" in said.err
        assert "credential helper" in said.err
        assert "hunter2" not in said.out + said.err
        assert "ann" not in said.err


@pytest.mark.parametrize(
    "url",
    [
        "ssh://git@example.org:2222/x.git",
        "git@example.org:x.git",
        "https://example.org:8443/a@b.git",
        "https://[2001:db8:0:0:0:0:0:1]:8443/x.git",
        "/srv/a:b@c.git",
    ],
)
def test_an_address_without_a_password_is_taken(url: str, tmp_path: Path) -> None:
    assert PulledRepository(url, tmp_path).url == url


def _only(monkeypatch: pytest.MonkeyPatch, folder: Path, *programs: str) -> None:
    """Leave only these programs on the path."""
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(("there", "missing"), [((), "git"), (("git", "sh"), "gpg")])
def test_a_program_that_is_not_installed_is_named(
    there: tuple[str, ...],
    missing: str,
    author: Author,
    pull: Pulls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    author.commit("one")
    _only(monkeypatch, author.folder / "bin", *there)
    status, said = pull(keys=("--keyring", str(author.signers)))

    assert status == 1
    assert f"there is no {missing}(1) on this host" in said
    assert "install it: " in said


def test_the_agent_of_a_keyring_is_ended_whatever_happens(
    author: Author, pull: Pulls, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def heard(words: Any, **given: Any) -> Any:
        begun.append(words[0])
        return run_bounded(words, **given)

    monkeypatch.setattr("cookbook.watch.pull.run_bounded", heard)
    author.commit("one")
    (author.signers.parent / "ring").write_text("no keys")
    assert "is no keyring" in pull(keys=("--keyring", str(author.signers.parent / "ring")))[1]
    assert begun[begun.index("gpg") :][:2] == ["gpg", "gpgconf"]


def test_a_program_that_prints_without_an_end_is_ended(
    author: Author, pull: Pulls, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.commit("one")
    _only(monkeypatch, author.folder / "bin", "yes")
    (author.folder / "bin/git").write_text("#!/bin/sh\nexec yes\n")
    (author.folder / "bin/git").chmod(0o755)

    assert "git printed more than 1 MiB" in pull()[1]


@pytest.mark.parametrize("broken", ["{", '{"commit": 5, "ref": "main"}', '{"commit": "x"}', "[]"])
def test_a_broken_note_of_the_last_revision_is_said(
    broken: str, author: Author, pull: Pulls
) -> None:
    author.commit("one")
    assert pull()[0] == 0
    (PulledRepository(str(author.repository)).folder / "accepted.json").write_text(broken)

    status, said = pull()
    assert status == 1
    assert "accepted.json cannot be read, so it is not known which revision was the last: " in said
    for words in (["--allow-older"], []):
        status, said = pull(*words)
        assert status == 0, said


def test_the_units(author: Author, pull: Pulls) -> None:
    status, service = pull("--print-unit", "--", "--prune")
    assert status == 0
    assert f"--repo {author.repository} --ref main --allowed-signers {author.signers}" in service
    assert "--recipe site.py -- --prune" in service
    _, timer = pull("--print-unit", "timer")
    assert "FixedRandomDelay=yes" in timer
    for name, text in (("cook-pull.service", service), ("cook-pull.timer", timer)):
        Path(name).write_text(text)
    verify: Any = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
    done = subprocess.run(
        [*verify, "cook-pull.service", "cook-pull.timer"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_the_text_of_a_refusal(author: Author, pull: Pulls, tmp_path: Path) -> None:
    commit = author.commit("one", None)

    check("not-pulled", pull()[1], {str(tmp_path): "/tmp/d", commit[:12]: "0123456789ab"})


def _lost_power(repository: Path) -> None:
    """Leave files without content, as a file system does that has lost its power."""
    for file in (repository / "objects").rglob("*"):
        if file.is_file():
            file.chmod(0o644)
            file.write_bytes(b"")


def _lost_begin(repository: Path) -> None:
    """Leave what a `git init` that was killed has left."""
    shutil.rmtree(repository)
    (repository / "refs").mkdir(parents=True)


def _lost_git(repository: Path) -> None:
    """Leave the lock and the pack of a git that was killed an hour ago."""
    left = (repository / "refs/cook/wanted.lock", repository / "objects/pack/tmp_pack_a1")
    for file in left:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
        then = time.time() - 3600
        os.utime(file, (then, then))


@pytest.mark.parametrize("lose", [_lost_power, _lost_begin, _lost_git])
def test_what_a_crash_has_left_is_mended(
    lose: Callable[[Path], None], author: Author, pull: Pulls
) -> None:
    author.commit("one")
    author.commit("two")
    assert pull()[0] == 0
    folder = PulledRepository(str(author.repository)).folder / "repository.git"
    lose(folder)

    author.git("reset", "--quiet", "--hard", "HEAD~1")
    status, said = pull()
    assert (status, "which was accepted last" in said) == (1, True), said

    author.git("reset", "--quiet", "--hard", author.commits[1])
    author.commit("four")
    status, said = pull()
    assert status == 0, said
    assert author.target.read_text() == "four"
    assert not [*folder.rglob("*.lock"), *folder.rglob("tmp_*")]


def test_a_full_disk_is_named(author: Author, pull: Pulls, monkeypatch: pytest.MonkeyPatch) -> None:
    author.commit("one")
    said = b"fatal: sha1 file 'pack/tmp_idx_a' write error. Out of diskspace"

    def full(words: Any, **given: Any) -> ProgramEnd:
        fails = "fetch" in words
        return ProgramEnd(128, b"", said) if fails else run_bounded(words, **given)

    monkeypatch.setattr("cookbook.watch.pull.run_bounded", full)
    status, said_of = pull()
    assert (status, "cause: a file system is full" in said_of) == (1, True), said_of
