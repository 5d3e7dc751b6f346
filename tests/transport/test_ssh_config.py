"""What ssh_config says, against ssh(1) itself: its `-G`, and what `-v` tells of a real start."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import InventoryError, Unreachable
from cookbook.hosts.connect import login
from cookbook.hosts.target_resolution import target_of
from cookbook.inventory import Host, from_data
from cookbook.secrets.reference import SecretReference
from cookbook.transport import ssh_config
from cookbook.transport.hops import Hop, read_hops
from cookbook.transport.ssh_config import HARMLESS, HONOURED, REFUSED, ask, understand
from cookbook.transport.ssh_config_paths import home

HOME = str(home())

# What stands in the file, and what a Target says then. `{}` is the folder of the file.
CORPUS: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("", {"address": "web", "port": 22, "identity_files": ()}),
    "hostname": ("Host web\n HostName 192.0.2.7", {"address": "192.0.2.7"}),
    "hostname-token": ("HostName %h.example.net", {"address": "web.example.net"}),
    "capitals": ("Host web\n HostName WEB.Example.NET", {"address": "web.example.net"}),
    "user-port": ("Host web\n User deploy\n Port 2200", {"user": "deploy", "port": 2200}),
    "first-wins": ("Host web\n Port 1\nHost *\n Port 2", {"port": 1}),
    "equals": ("Host=web\nPort = 2201\nUser=x", {"port": 2201, "user": "x"}),
    "negated": ("Host * !web\n Port 3\nHost w?b\n User q", {"port": 22, "user": "q"}),
    "comments": ("# Port 1\nPort 2202 # two\n", {"port": 2202}),
    "include": ("Include {}/part\nPort 9", {"port": 2222, "user": "included"}),
    "include-glob": ("Host web\n Include {}/par*", {"port": 2222}),
    "match-host": ("Match host web user bob\n Port 4\nMatch host web\n Port 5", {"port": 5}),
    "match-exec": ('Match exec "test %h = web"\n Port 6', {"port": 6}),
    "match-exec-no": ('Match exec "false"\n Port 6', {"port": 22}),
    "match-originalhost": ("HostName x\nMatch originalhost web\n Port 7", {"port": 7}),
    "match-final": ("Match final host web\n Port 8", {"port": 8}),
    "match-localuser": ("Match localuser root,nobody\n Port 10", {}),
    "identity": ("IdentityFile ~/.ssh/deploy", {"identity_files": (f"{HOME}/.ssh/deploy",)}),
    "identities": ("IdentityFile /a\nIdentityFile /b", {"identity_files": ("/a", "/b")}),
    "identity-tokens": (
        "User me\nPort 24\nIdentityFile %d/keys/%h-%r-%p-%n-%%",
        {"identity_files": (f"{HOME}/keys/web-me-24-web-%",)},
    ),
    "identity-space": ('IdentityFile "/a b/id"', {"identity_files": ("/a b/id",)}),
    "identity-env": ("IdentityFile ${{COOK_TEST}}/id", {"identity_files": ("/from/env/id",)}),
    "identity-hash": ("User me\nIdentityFile /k/%C", {}),
    "identity-uid": ("IdentityFile /k/%i-%u-%L", {}),
    "identity-none": ("IdentityFile none", {"identity_files": (), "default_keys": False}),
    "identities-only": (
        "IdentitiesOnly yes\nIdentityFile /a",
        {"identities_only": True, "identity_files": ("/a",)},
    ),
    "certificate": (
        "CertificateFile ~/c-cert.pub\nIdentityFile /a",
        {"certificate_files": (f"{HOME}/c-cert.pub",)},
    ),
    "certificate-none": ("CertificateFile none", {"certificate_files": ()}),
    "agent": ('IdentityAgent "~/a b/agent"', {"agent_socket": f"{HOME}/a b/agent"}),
    "agent-none": ("IdentityAgent none", {"agent": False}),
    "agent-variable": ("IdentityAgent $COOK_TEST", {"agent_socket": "/from/env"}),
    "agent-usual": ("IdentityAgent SSH_AUTH_SOCK", {"agent_socket": "", "agent": True}),
    "known-hosts": (
        "UserKnownHostsFile /u1 ~/u2\nGlobalKnownHostsFile /g",
        {"known_hosts": ("/u1", f"{HOME}/u2", "/g")},
    ),
    "known-hosts-space": (
        'UserKnownHostsFile "/a b/%h" /c\nGlobalKnownHostsFile none',
        {"known_hosts": ("/a b/web", "/c")},
    ),
    "known-hosts-none": (
        "UserKnownHostsFile none\nGlobalKnownHostsFile /g",
        {"known_hosts": ("/g",)},
    ),
    "alias": ("HostKeyAlias other", {"host_key_alias": "other", "known_as": ("other", 22)}),
    "command": (
        "Port 25\nUser me\nProxyCommand false -x 'a \"b' %h %p '%r' %% %n",
        {"proxy_command": "false -x 'a \"b' web 25 'me' % web"},
    ),
    "command-none": ("ProxyCommand none\nProxyJump none", {"proxy_command": "", "via": None}),
    "command-before-jump": (
        "ProxyCommand false\nProxyJump nobody",
        {"proxy_command": "false", "via": None},
    ),
    "jump": ("Host web\n ProxyJump me@door:2200", {"via": "me@door:2200"}),
    "jump-chain": ("Host web\n ProxyJump a@one,b@two:9", {"via": "b@two:9", "via.via": "a@one:22"}),
    "jump-six": ("Host web\n ProxyJump x@[2001:db8::1]:24", {"via": "x@2001:db8::1:24"}),
    "jump-own-settings": (
        "Host door\n User guard\n Port 7\n HostName 192.0.2.1\nHost web\n ProxyJump door",
        {"via": "guard@192.0.2.1:7"},
    ),
    "timeout": ("ConnectTimeout 7", {"connect_timeout": 7.0}),
    "ciphers": ("Ciphers aes256-ctr,aes128-ctr", {}),
    "ciphers-less": ("Ciphers -aes*-gcm*", {}),
    "macs-kex": ("MACs hmac-sha2-512\nKexAlgorithms curve25519-sha256", {}),
    "host-keys": ("HostKeyAlgorithms ssh-ed25519", {}),
    "family": ("AddressFamily inet6\nBindAddress 192.0.2.3", {"family": "inet6"}),
    "rsa-size": ("RequiredRSASize 3072", {"rsa_bits": 3072}),
    "canonical": (
        "CanonicalizeHostname yes\nCanonicalDomains invalid\nCanonicalizeFallbackLocal yes\nPort 8",
        {"address": "web", "port": 8},
    ),
    "harmless": (
        "ForwardAgent yes\nControlMaster auto\nControlPath /c/%C\nLocalForward 1 a:2",
        {"port": 22},
    ),
}


@pytest.fixture(autouse=True)
def _variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COOK_TEST", "/from/env")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    (tmp_path / "part").write_text("Port 2222\nUser included\n")
    path = tmp_path / "config"
    path.write_text(CORPUS[request.param][0].format(tmp_path))
    return path


def _host(file: Path | str, **more: Any) -> Host:
    return from_data({"hosts": {"web": {"ssh_config": str(file), **more}}}).hosts["web"]


@pytest.mark.parametrize("file", CORPUS, indirect=True)
def test_a_target_is_what_ssh_says(file: Path, request: pytest.FixtureRequest) -> None:
    target = target_of(_host(file))
    said = _said_by_ssh(file)

    assert target.address == said["hostname"][0]
    assert target.user == said["user"][0]
    assert str(target.port) == said["port"][0]
    assert target.algorithms.ciphers == tuple(said["ciphers"][0].split(","))
    assert target.algorithms.macs == tuple(said["macs"][0].split(","))
    assert target.algorithms.kex == tuple(said["kexalgorithms"][0].split(","))
    assert target.algorithms.host_key == tuple(said["hostkeyalgorithms"][0].split(","))
    for name, value in CORPUS[request.node.callspec.params["file"]][1].items():
        assert _plain(target, name) == value, name


@pytest.mark.parametrize("file", [name for name in CORPUS if "jump" not in name], indirect=True)
def test_and_what_it_does(file: Path) -> None:
    """Tokens, tildes and variables are put in only when ssh really starts."""
    target = target_of(_host(file))
    told = _told_by_ssh(file, target.proxy_command)

    if target.identity_files or not target.default_keys:
        files = re.findall(r"identity file (.+) type", told)
        keys = [one for one in files if not one.endswith("-cert")]
        assert list(map(str, target.identity_files)) == keys
    certificates = re.findall(r"certificate file (.+) type", told)
    assert set(map(str, target.certificate_files)) >= set(certificates) - {"none"}
    if target.proxy_command:
        assert f"Executing proxy command: exec {target.proxy_command}\n" in told


def test_the_tables_know_all_that_ssh_prints(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("ControlPath /c\nLocalForward 1 a:2\nSetEnv A=b\nSendEnv X\n")
    printed = set(_said_by_ssh(tmp_path / "config"))

    assert printed - HONOURED - HARMLESS - set(REFUSED) == set()
    assert not HONOURED & HARMLESS
    assert not HARMLESS & set(REFUSED)


@pytest.mark.parametrize(
    "text",
    [
        "PKCS11Provider /usr/lib/opensc.so",
        "SecurityKeyProvider /usr/lib/other.so",
        "KnownHostsCommand /bin/echo",
        "RevokedHostKeys /etc/ssh/revoked",
        "PubkeyAuthentication no",
        "PreferredAuthentications gssapi-with-mic",
        "PermitLocalCommand yes\nLocalCommand echo",
        "ProxyCommand false\nProxyUseFdpass yes",
        "BindInterface lo",
    ],
)
def test_what_we_cannot_do_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    keyword = text.splitlines()[-1].split()[0].lower()

    with pytest.raises(Unreachable, match=f"web: ssh_config says `{keyword} ") as caught:
        target_of(_host(tmp_path / "config"))

    assert "transport: openssh" in str(caught.value.hint)


def test_other_ways_to_log_in_are_no_reason(tmp_path: Path) -> None:
    """Debian's own /etc/ssh/ssh_config has it."""
    (tmp_path / "config").write_text("GSSAPIAuthentication yes\nLocalCommand echo")

    assert target_of(_host(tmp_path / "config")).port == 22


@pytest.mark.parametrize("transport", ["ssh", "openssh"])
def test_where_there_is_a_password_keys_may_be_turned_off(tmp_path: Path, transport: Any) -> None:
    """Also for who only wants to know the way, and looks up no secret."""
    (tmp_path / "config").write_text("Host *\n  PubkeyAuthentication no\n  Port 2210\n")
    plain = _host(tmp_path / "config", transport=transport, user="deploy")
    host = replace(plain, password=SecretReference("nowhere"))

    assert login(host) == ("deploy", 2210)


def test_what_hosts_yml_says_wins(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "Host web\n User no\n Port 1\n IdentityFile /no\n IdentitiesOnly yes\n ConnectTimeout 1\n"
        " UserKnownHostsFile /no\n ProxyCommand no\n IdentityAgent none\n HostName real\n"
    )
    more = {"user": "yes", "port": 2, "identity_file": "/yes", "identities_only": False}
    more |= {"known_hosts": "/yes", "connect_timeout": 10, "jump": "door", "agent": True}

    target = target_of(_host(tmp_path / "config", **more))

    assert (target.address, target.user, target.port) == ("real", "yes", 2)
    assert (*target.identity_files, *target.known_hosts) == (Path("/yes"), Path("/yes"))
    assert (target.identities_only, target.connect_timeout, target.agent) == (False, 10, True)
    assert target.proxy_command == ""
    assert str(target.via) == f"{os.environ.get('USER', 'root')}@door:22"


def test_what_hosts_yml_says_is_asked_about(tmp_path: Path) -> None:
    """A Match may look at the user."""
    (tmp_path / "config").write_text("Match user deploy\n Port 2210\n")

    assert target_of(_host(tmp_path / "config", user="deploy")).port == 2210
    assert target_of(_host(tmp_path / "config")).port == 22


def test_where_nothing_is_configured_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_config, "is_used", lambda: False)
    monkeypatch.setattr(subprocess, "run", None)

    assert target_of(Host("web")).address == "web"
    assert target_of(Host("web", ssh_config="none")).address == "web"


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("# nothing\n\nHost *\n    SendEnv LANG LC_*\n    GSSAPIAuthentication yes\n", False),
        ("Include /etc/ssh/ssh_config.d/*.conf\nHost *\n HashKnownHosts yes\n", False),
        ("Host *\n SendEnv LANG\n Port 24\n", True),
        ("Host web\n", True),
    ],
)
def test_what_the_distribution_ships_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, text: str, used: bool
) -> None:
    monkeypatch.setattr(ssh_config, "SYSTEM", tmp_path / "ssh_config")
    monkeypatch.setattr(ssh_config, "home", lambda: tmp_path)
    (tmp_path / "ssh_config").write_text(text)

    assert ssh_config.is_used.__wrapped__() is used


def test_a_file_that_ssh_does_not_understand(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("NoSuchWord yes\n")

    with pytest.raises(Unreachable, match="bad configuration options"):
        target_of(_host(tmp_path / "config"))


def test_a_way_through_itself(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Host *\n ProxyJump web\n")

    with pytest.raises(Unreachable, match="jumphost loop"):
        target_of(_host(tmp_path / "config"))


def test_a_match_that_hangs_ends_in_time(tmp_path: Path) -> None:
    (tmp_path / "config").write_text('Match exec "sleep 120"\n Port 1\n')
    begun = time.monotonic()

    with pytest.raises(Unreachable, match=r"no answer within 0\.5 s"):
        target_of(_host(tmp_path / "config", connect_timeout=0.5))
    assert time.monotonic() - begun < 60


def test_one_host_is_asked_about_once(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("Port 24\n")
    one = ask("once", file=tmp_path / "config")
    (tmp_path / "config").write_text("Port 25\n")

    assert ask("once", file=tmp_path / "config") is one
    assert understand(one, "once").fields["port"] == 24


class TestHops:
    @pytest.mark.parametrize(
        ("text", "hops"),
        [
            ("none", ()),
            ("door", (Hop("door"),)),
            ("me@door:2200, next", (Hop("door", "me", 2200), Hop("next"))),
            ("[::1]:24", (Hop("::1", None, 24),)),
            ("ssh://me@door:5", (Hop("door", "me", 5),)),
        ],
    )
    def test_they_are_read_as_ssh_reads_them(self, text: str, hops: tuple[Hop, ...]) -> None:
        assert read_hops(text) == hops

    @pytest.mark.parametrize(
        "text", ["", "a,,b", "-oProxyCommand=x", "door:0", "door:99999", "a b"]
    )
    def test_nonsense_is_refused_where_it_stands(self, text: str) -> None:
        with pytest.raises(InventoryError, match=r"inventory: hosts\.web\.jump: jump must be none"):
            from_data({"hosts": {"web": {"jump": text}}})

    def test_a_list_will_do(self) -> None:
        host = from_data({"hosts": {"web": {"jump": ["a", "b@c:1"]}}}).hosts["web"]

        assert host.jump == (Hop("a"), Hop("c", "b", 1))


def _said_by_ssh(file: Path) -> dict[str, list[str]]:
    done = subprocess.run(
        ["ssh", "-G", "-F", file, "web"], capture_output=True, text=True, check=True
    )
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword.lower(), []).append(value)
    return said


def _told_by_ssh(file: Path, command: str) -> str:
    """What ssh tells of itself until it would connect, which it cannot."""
    nowhere = [] if command else ["-o", "ProxyCommand=false"]
    done = subprocess.run(
        ["ssh", "-v", "-o", "BatchMode=yes", *nowhere, "-F", file, "web", "true"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stderr


def _plain(target: Any, name: str) -> Any:
    for part in name.split("."):
        target = getattr(target, part)
    if name.endswith("via"):
        return None if target is None else str(target)
    if isinstance(target, tuple) and target and isinstance(target[0], Path):
        return tuple(map(str, target))
    return target
