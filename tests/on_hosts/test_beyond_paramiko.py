"""What only ssh(1) can do: post-quantum exchanges of keys, FIDO tokens, Kerberos."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cookbook.errors import AuthenticationFailed, Unreachable
from cookbook.hosts.connect import connect
from cookbook.inventory import Host, from_data, load
from cookbook.kitchen import Kitchen, KitchenHost
from cookbook.transport.openssh.transport import OpenSshOptions, OpenSshTransport
from cookbook.transport.paramiko_ssh.transport import SshTransport
from cookbook.transport.target import Target
from tests.agents import running_agent
from tests.on_hosts.conftest import Cook, by_openssh, who
from tests.on_hosts.sshd import configure, restore

pytestmark = pytest.mark.hosts

ROOT = Path(__file__).parents[2]

Targets = Callable[..., Target]
Sshd = Callable[..., None]
Patch = pytest.MonkeyPatch


@pytest.fixture
def sshd(module_host: KitchenHost) -> Iterator[Sshd]:
    """Have sshd say something more, for one test."""
    yield lambda *lines: configure(module_host, *lines)
    restore(module_host)


def accepted(machine: KitchenHost) -> str:
    """How sshd has let in whoever came last."""
    journal = "journalctl --sync; journalctl -q -t sshd -o cat"
    lines = machine.run(f"{journal} | grep '^Accepted '").stdout.splitlines()
    return lines[-1]


@pytest.fixture
def inventory(kitchen: Kitchen, module_host: KitchenHost, tmp_path: Path) -> Callable[..., Path]:
    """A hosts.yml of that host alone, with some settings more."""

    def write(**more: object) -> Path:
        settings = {
            "address": module_host.address,
            "user": "admin",
            "become": "sudo",
            "identity_file": kitchen.identity,
            "known_hosts": kitchen.known_hosts,
            "agent": "false",
            "ssh_config": "none",
        }
        shown = ", ".join(f"{key}: {value}" for key, value in (settings | more).items())
        path = tmp_path / "hosts.yml"
        path.write_text(f"hosts: {{{module_host.name}: {{{shown}}}}}\n")
        return path

    return write


RECIPE = "file('/etc/beyond', content='x')\n"
POST_QUANTUM = "sntrup761x25519-sha512@openssh.com"


class TestPostQuantum:
    """An sshd that agrees on nothing else."""

    @pytest.fixture(autouse=True)
    def _strict(self, sshd: Sshd) -> None:
        sshd(f"KexAlgorithms {POST_QUANTUM}")

    def test_a_run_by_openssh(
        self, cook: Cook, module_host: KitchenHost, inventory: Callable[..., Path]
    ) -> None:
        module_host.run("rm -f /etc/beyond")
        by_ssh = inventory(transport="openssh")
        told = cook(module_host, "converge", recipe=RECIPE, inventory=by_ssh)
        assert told["status"] == 0, told
        assert module_host.run("cat /etc/beyond").stdout == "x"

    def test_by_paramiko_the_cause_and_the_way_out_are_named(
        self, cook: Cook, module_host: KitchenHost, inventory: Callable[..., Path]
    ) -> None:
        told = cook(module_host, "converge", recipe=RECIPE, inventory=inventory())
        assert told["status"] == 4
        error = told["hosts"][module_host.name]["error"]
        assert "paramiko knows none of the exchanges of keys" in error["message"]
        assert POST_QUANTUM in error["cause"]
        assert "kex-strict" not in error["cause"]
        assert "`transport: openssh`" in error["hint"]

    @pytest.fixture
    def known(self, kitchen: Kitchen, host: KitchenHost, tmp_path: Path) -> Path:
        """Knows the bastion, and nobody else."""
        path = tmp_path / "known_hosts"
        lines = kitchen.known_hosts.read_text().splitlines()
        path.write_text("".join(f"{line}\n" for line in lines if host.name in line))
        return path

    @pytest.mark.parametrize("way", [{}, {"jump": "admin@{}"}], ids=["directly", "behind"])
    def test_its_key_is_shown_and_taken(
        self,
        module_host: KitchenHost,
        host: KitchenHost,
        inventory: Callable[..., Path],
        known: Path,
        way: Mapping[str, str],
    ) -> None:
        """Also of one behind a bastion, whose own key is known."""
        door = known.read_text()
        more = {key: value.format(host.address) for key, value in way.items()}
        by_ssh = inventory(transport="openssh", known_hosts=known, **more)

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "cookbook.cli", "trust", "--hosts", str(by_ssh), *words],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
            )

        shown = run()
        assert shown.returncode == 2, shown
        [_name, where, kind, key, state] = shown.stdout.split()
        assert (where, kind, state) == (module_host.address, "ssh-ed25519", "new")
        assert key in module_host.run("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").stdout
        assert run("--yes").returncode == 0
        assert run().stdout.split()[-1] == "known"
        [transport] = [connect(one) for one in load(by_ssh).hosts.values()]
        assert isinstance(transport, OpenSshTransport)
        assert who(transport) == "root"

        other = "AAAAC3NzaC1lZDI1NTE5AAAAIJ7a8cTcCN3VkU0jOLk2Yp3sM6V2r1VkGq7m1q2Zl0aB"
        known.write_text(f"{door}{where} ssh-ed25519 {other}\n")
        changed = run("--yes")
        assert changed.returncode == 3
        assert "CHANGED" in changed.stdout


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key of a token, `id`; the token is ours (token.c), all else is OpenSSH's."""
    folder = tmp_path_factory.mktemp("token")
    library = folder / "token.so"
    source = Path(__file__).with_name("token.c")
    strict = ["cc", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*strict, "-o", str(library), str(source), "-lcrypto"], check=True)
    keygen = ["ssh-keygen", "-q", "-t", "ecdsa-sk", "-w", str(library), "-N", ""]
    subprocess.run([*keygen, "-f", str(folder / "id")], check=True)
    return library


class TestToken:
    """sk-ecdsa-sha2-nistp256@openssh.com, by a token that answers for itself."""

    @pytest.fixture(autouse=True)
    def _authorized(self, module_host: KitchenHost, token: Path) -> None:
        public = token.with_name("id.pub").read_text().strip()
        done = module_host.run(
            f"grep -qF '{public}' /root/.ssh/authorized_keys"
            f" || echo '{public}' >>/root/.ssh/authorized_keys"
        )
        assert done.returncode == 0

    @pytest.fixture
    def config(self, token: Path, tmp_path: Path) -> Path:
        path = tmp_path / "config"
        path.write_text(f"Host *\n  SecurityKeyProvider {token}\n")
        return path

    def test_it_lets_us_in(
        self, target: Targets, module_host: KitchenHost, token: Path, config: Path
    ) -> None:
        mine = target(module_host, identity_files=(token.with_name("id"),), identities_only=True)
        assert who(OpenSshTransport(mine, OpenSshOptions(config=str(config)))) == "root"
        assert "ECDSA-SK" in accepted(module_host)

    def test_without_it_its_key_is_no_good(
        self, target: Targets, module_host: KitchenHost, token: Path, tmp_path: Path
    ) -> None:
        mine = target(module_host, identity_files=(token.with_name("id"),), identities_only=True)
        (tmp_path / "config").write_text("Host *\n  SecurityKeyProvider /nonexistent.so\n")
        with pytest.raises(AuthenticationFailed):
            OpenSshTransport(mine, OpenSshOptions(config=str(tmp_path / "config")))

    def test_a_run_by_openssh(
        self,
        cook: Cook,
        module_host: KitchenHost,
        inventory: Callable[..., Path],
        token: Path,
        config: Path,
    ) -> None:
        module_host.run("rm -f /etc/beyond")
        words = {"user": "root", "become": "none", "identities_only": "true"}
        words |= {"identity_file": str(token.with_name("id")), "ssh_config": str(config)}
        by_ssh = inventory(transport="openssh", **words)
        told = cook(module_host, "converge", recipe=RECIPE, inventory=by_ssh)
        assert told["status"] == 0, told
        assert module_host.run("cat /etc/beyond").stdout == "x"

    def test_paramiko_says_who_can(
        self, target: Targets, module_host: KitchenHost, token: Path
    ) -> None:
        mine = target(module_host, identity_files=(token.with_name("id"),), identities_only=True)
        with pytest.raises(AuthenticationFailed) as caught:
            SshTransport(mine)
        assert f"{token.with_name('id')} (of a kind that only transport: openssh" in str(
            caught.value.hint
        )

    def test_paramiko_passes_over_one_in_the_agent(
        self,
        target: Targets,
        module_host: KitchenHost,
        token: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """It is the first one there; the next one is taken. ssh(1) takes the token's."""
        with running_agent(tmp_path / "agent", "-P", token) as place:
            monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
            [plain] = target(module_host).identity_files
            for words in (["-S", token, token.with_name("id")], [plain]):
                subprocess.run(["ssh-add", "-q", *words], check=True, capture_output=True)
            any_key = target(module_host, identity_files=(), agent=True)

            assert who(SshTransport(any_key)) == "root"
            assert "ED25519" in accepted(module_host)
            assert who(by_openssh(any_key)) == "root"
            assert "ECDSA-SK" in accepted(module_host)

    def test_a_provider_in_ssh_config_is_refused_by_name(
        self, module_host: KitchenHost, config: Path
    ) -> None:
        host = Host("web", address=module_host.address, ssh_config=config)
        with pytest.raises(Unreachable, match="securitykeyprovider") as caught:
            connect(host)
        assert "transport: openssh" in str(caught.value.hint)


KRB5 = """\
[libdefaults]
  default_realm = COOK.TEST
  dns_lookup_realm = false
  dns_lookup_kdc = false
  rdns = false
  dns_canonicalize_hostname = false
[realms]
  COOK.TEST = {{
    kdc = {address}
  }}
[domain_realm]
  {name} = COOK.TEST
"""

SERVICE = "door.cook.test"
"""What the host is called in its realm; Debian's ssh can be told (GSSAPIServerIdentity)."""


@pytest.fixture(scope="module")
def realm(module_host: KitchenHost) -> KitchenHost:
    """A host with a real KDC (MIT's), which is of that realm itself; pat is root there."""
    setup = f"""
        set -e
        printf '%s' {shlex.quote(KRB5.format(address="127.0.0.1", name=SERVICE))} >/etc/krb5.conf
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -qy --no-install-recommends krb5-kdc krb5-admin-server >/dev/null 2>&1
        kdb5_util create -s -r COOK.TEST -P master-of-the-realm >/dev/null
        kadmin.local addprinc -pw pats-own pat >/dev/null
        kadmin.local addprinc -randkey host/{SERVICE} >/dev/null
        kadmin.local ktadd host/{SERVICE} >/dev/null
        echo pat@COOK.TEST >/root/.k5login
        systemctl restart krb5-kdc
    """
    done = module_host.run(setup, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return module_host


def take_a_ticket() -> None:
    done = subprocess.run(
        ["kinit", "pat"], input="pats-own\n", text=True, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


class TestKerberos:
    """A ticket of a real KDC, and no key at all."""

    @pytest.fixture
    def named(
        self, kitchen: Kitchen, realm: KitchenHost, tmp_path: Path, monkeypatch: Patch, sshd: Sshd
    ) -> Callable[..., Host]:
        """The host with an ssh_config that says what Debian's says, and its name in the realm."""
        sshd("GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no")
        (tmp_path / "krb5.conf").write_text(KRB5.format(address=realm.address, name=SERVICE))
        monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
        config = tmp_path / "config"
        config.write_text(
            f"Host *\n  GSSAPIAuthentication yes\n  GSSAPIServerIdentity {SERVICE}\n"
            "  IdentityFile none\n"
        )

        def make(**more: Any) -> Host:
            said = {"address": realm.address, "user": "root", "agent": False}
            said |= {"ssh_config": str(config), "known_hosts": str(kitchen.known_hosts), **more}
            return from_data({"hosts": {"web": said}}).hosts["web"]

        return make

    def test_a_ticket_lets_us_in(self, named: Callable[..., Host], realm: KitchenHost) -> None:
        with pytest.raises(AuthenticationFailed, match="gssapi"):
            connect(named(transport="openssh"))
        take_a_ticket()
        transport = connect(named(transport="openssh"))
        assert isinstance(transport, OpenSshTransport)
        assert who(transport) == "root"
        assert accepted(realm).startswith("Accepted gssapi-with-mic for root")

    def test_paramiko_says_who_can(self, named: Callable[..., Host]) -> None:
        take_a_ticket()
        with pytest.raises(AuthenticationFailed) as caught:
            connect(named())
        assert "Kerberos tickets (GSSAPI), by `transport: openssh`" in str(caught.value.hint)

    def test_where_no_key_is_taken_at_all_it_says_so_too(
        self, named: Callable[..., Host], kitchen: Kitchen, sshd: Sshd
    ) -> None:
        mine = named(identity_file=str(kitchen.identity))
        sshd("GSSAPIAuthentication yes", "PubkeyAuthentication no", "PasswordAuthentication no")
        with pytest.raises(AuthenticationFailed, match="takes no keys, only gssapi") as caught:
            connect(mine)
        assert "Kerberos tickets (GSSAPI)" in str(caught.value.hint)

    def test_that_ssh_config_would_use_it_is_no_reason_to_refuse(
        self, named: Callable[..., Host], kitchen: Kitchen, realm: KitchenHost
    ) -> None:
        """Debian's own says so for all hosts; our key is taken all the same."""
        transport = connect(named(identity_file=str(kitchen.identity)))
        assert isinstance(transport, SshTransport)
        assert who(transport) == "root"
        assert accepted(realm).startswith("Accepted publickey")
