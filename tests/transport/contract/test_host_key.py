"""Who the host is: its keys and certificates, judged by ssh(1) too."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cookbook.errors import UntrustedHost
from cookbook.kitchen import KitchenHost
from cookbook.transport.openssh.key_scan import scan as scan_by_ssh
from cookbook.transport.paramiko_ssh.key_scan import scan
from cookbook.transport.target import Algorithms, OpenSshOptions, Target
from tests.texts import check_host
from tests.transport.contract.conftest import Open, Opened, Targets, by_both, keygen, new_key

pytestmark = [pytest.mark.hosts, by_both]

Certified = Callable[..., Target]


class TestKeys:
    def test_an_unknown_one_is_refused_and_not_written_down(
        self, opened: Opened, tmp_path: Path
    ) -> None:
        with pytest.raises(UntrustedHost, match="is not known") as caught:
            opened(known_hosts=(tmp_path / "none",))
        assert re.search("cook trust|to accept it: ", str(caught.value.hint))
        assert not (tmp_path / "none").exists()

    def test_a_changed_one_is_refused(
        self, opened: Opened, machine: KitchenHost, tmp_path: Path
    ) -> None:
        known = tmp_path / "known hosts %d"
        known.write_text(f"{machine.address} {new_key(tmp_path / 'other')}\n")
        with pytest.raises(UntrustedHost, match="has CHANGED"):
            opened(known_hosts=(known,))

    def test_a_revoked_one_is_refused(
        self, opened: Opened, machine: KitchenHost, tmp_path: Path
    ) -> None:
        lines = [f"{machine.address} {key}" for key in machine.host_keys]
        known = tmp_path / "known"
        known.write_text("".join(f"@revoked {line}\n{line}\n" for line in lines))
        with pytest.raises(UntrustedHost, match="revoked"):
            opened(known_hosts=(known,))

    def test_hashed_names_and_other_key_types_are_known(
        self, opened: Opened, machine: KitchenHost, tmp_path: Path
    ) -> None:
        """Only its RSA key is known, under a hashed name: then that is the key asked for."""
        known = tmp_path / "known_hosts"
        rsa = machine.run("cat /etc/ssh/ssh_host_rsa_key.pub").stdout.split()
        known.write_text(f"{machine.address} {rsa[0]} {rsa[1]}\n")
        keygen("-H", "-f", known)
        assert machine.address not in known.read_text()
        opened(known_hosts=(known,))


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca"
    new_key(path)
    return path


class TestCertificates:
    """@cert-authority, against an sshd with a HostCertificate."""

    @pytest.fixture
    def certified(
        self,
        target: Targets,
        module_host: KitchenHost,
        tmp_path: Path,
        ca: Path,
        sshd: Callable[..., None],
    ) -> Certified:
        """`certified("-n", ...)`: the host has such a certificate, and we know its authority."""

        def make(*words: str, key: str = "ed25519", authority: Path = ca) -> Target:
            public = module_host.run(f"cat /etc/ssh/ssh_host_{key}_key.pub").stdout
            (tmp_path / "host.pub").write_text(public)
            named = (word.format(module_host.address) for word in words)
            keygen("-s", authority, "-I", "host", "-h", *named, tmp_path / "host.pub")
            certificate = (tmp_path / "host-cert.pub").read_text().strip()
            module_host.run(f"echo '{certificate}' > /etc/ssh/host-cert.pub")
            sshd("HostCertificate /etc/ssh/host-cert.pub")
            known = tmp_path / "known_hosts"
            known.write_text(f"@cert-authority 10.* {Path(f'{ca}.pub').read_text()}")
            return target(module_host, known_hosts=(known,))

        return make

    @pytest.mark.parametrize("key", ["ed25519", "ecdsa", "rsa"])
    def test_a_good_one_is_believed(
        self,
        shell: Open,
        transport: str,
        certified: Certified,
        module_host: KitchenHost,
        key: str,
    ) -> None:
        target = certified("-n", f"web,{module_host.address}", "-V", "-1d:+1d", key=key)

        assert ssh_gets_in(target)
        shell(target).close()
        by_ssh = replace(target, manner=OpenSshOptions(config="none"))
        found = scan(target) if transport == "ssh" else scan_by_ssh(by_ssh)
        assert found.state == "known"

    @pytest.mark.parametrize(
        ("text", "words", "why"),
        [
            (
                "expired",
                ("-n", "{}", "-V", "-2d:-1d"),
                "has expired at 20|not valid: expired",
            ),
            (
                "not-yet-valid",
                ("-n", "{}", "-V", "+1d:+2d"),
                "not valid before 20|not valid: not yet valid",
            ),
            (
                "of-another-host",
                ("-n", "web,10.9.9.9"),
                "is for web, 10.9.9.9, not for|not a listed principal",
            ),
            ("critical-options", ("-n", "{}", "-O", "critical:strange=1"), "critical options?"),
        ],
    )
    def test_a_bad_one_is_refused_with_its_reason(
        self,
        *,
        shell: Open,
        certified: Certified,
        transport: str,
        text: str,
        words: tuple[str, ...],
        why: str,
    ) -> None:
        target = certified(*words)

        assert not ssh_gets_in(target)
        with pytest.raises(UntrustedHost) as caught:
            shell(target)
        assert re.search(why, str(caught.value))
        if transport == "ssh":
            check_host(f"C15-{text}", error=caught.value)

    def test_one_of_another_authority_is_refused(
        self,
        shell: Open,
        certified: Certified,
        module_host: KitchenHost,
        tmp_path: Path,
    ) -> None:
        new_key(tmp_path / "other")
        target = certified("-n", module_host.address, authority=tmp_path / "other")

        assert not ssh_gets_in(target)
        with pytest.raises(UntrustedHost, match=r"is not trusted for it|is not known"):
            shell(target)

    def test_where_the_key_itself_is_known_a_bad_one_does_not_matter(
        self,
        shell: Open,
        certified: Certified,
        module_host: KitchenHost,
    ) -> None:
        target = certified("-n", "nobody")
        with target.known_hosts[0].open("a") as known:
            known.writelines(f"{module_host.address} {key}\n" for key in module_host.host_keys)

        assert ssh_gets_in(target)
        shell(target).close()

    @pytest.mark.parametrize("which", ["authority", "key"])
    def test_what_is_revoked_is_refused(
        self,
        shell: Open,
        certified: Certified,
        module_host: KitchenHost,
        transport: str,
        which: str,
    ) -> None:
        target = certified("-n", module_host.address)
        key = module_host.run("cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
        authority = target.known_hosts[0].read_text().removeprefix("@cert-authority 10.* ")
        revoked = authority if which == "authority" else key
        with target.known_hosts[0].open("a") as known:
            known.write(f"@revoked * {revoked}")

        assert not ssh_gets_in(target)
        with pytest.raises(UntrustedHost, match="is revoked") as caught:
            shell(target)
        if transport == "ssh":
            check_host(f"C15-revoked-{which}", error=caught.value)

    def test_an_authority_signs_as_it_may(
        self, shell: Open, certified: Certified, module_host: KitchenHost
    ) -> None:
        target = certified("-n", module_host.address)
        strict = Algorithms(ca_signature=("rsa-sha2-512",))

        with pytest.raises(UntrustedHost, match=r"CASignatureAlgorithms|is not known"):
            shell(replace(target, algorithms=strict))


def ssh_gets_in(target: Target) -> bool:
    """Return whether ssh(1) logs in, with the same files."""
    files = [f"-oUserKnownHostsFile={target.known_hosts[0]}", "-oGlobalKnownHostsFile=none"]
    command = ["ssh", "-F", "none", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes", *files]
    where = ["-i", str(target.identity_files[0]), f"{target.user}@{target.address}", "true"]
    return subprocess.run([*command, *where], capture_output=True, check=False).returncode == 0
