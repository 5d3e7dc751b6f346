"""
The client configuration of ssh_config(5) for a host, as `ssh -G` prints it.

`ssh -G` evaluates Include, Match and every default; this module reads its output.
"""

from __future__ import annotations

import functools
import getpass
import hashlib
import os
import pwd
import re
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cookbook.errors import Unreachable
from cookbook.transport.hops import Hop, read_hops
from cookbook.transport.ssh_config_paths import home, path_of, paths, split
from cookbook.transport.target import Algorithms

Keywords = Mapping[str, Sequence[str]]
"""Keywords, in small letters, and all that is said of each."""

SYSTEM = Path("/etc/ssh/ssh_config")


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


HONOURED = _words(
    "addressfamily bindaddress casignaturealgorithms certificatefile ciphers connecttimeout"
    " globalknownhostsfile hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent"
    " identityfile kexalgorithms macs port proxycommand proxyjump pubkeyacceptedalgorithms"
    " requiredrsasize user userknownhostsfile"
)
"""Keywords that a connection follows."""

REFUSED: Mapping[str, Callable[[str], bool]] = {
    "pkcs11provider": lambda value: value != "none",
    "securitykeyprovider": lambda value: value not in ("internal", "none"),
    "proxyusefdpass": lambda value: value == "yes",
    "knownhostscommand": lambda value: value != "none",
    "revokedhostkeys": lambda value: value != "none",
    "bindinterface": lambda value: value != "none",
    "localcommand": lambda value: value != "none",
    "pubkeyauthentication": lambda value: value in ("no", "false"),
    "preferredauthentications": lambda value: "publickey" not in value.split(","),
}
"""Keywords that would change the connection and are not supported: whether this value does so."""

HARMLESS = _words(
    # For a person at a terminal, or for forwarding: not used.
    "addkeystoagent batchmode clearallforwardings dynamicforward enableescapecommandline"
    " enablesshkeysign escapechar exitonforwardfailure fingerprinthash forkafterauthentication"
    " forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports host ipqos"
    " kbdinteractiveauthentication localforward loglevel logverbose numberofpasswordprompts"
    " obscurekeystroketiming passwordauthentication permitlocalcommand permitremoteopen"
    " remotecommand remoteforward requesttty sendenv sessiontype setenv stdinnull"
    " streamlocalbindmask streamlocalbindunlink syslogfacility tag tunnel tunneldevice"
    " versionaddendum visualhostkey xauthlocation",
    # There is one connection, with a keepalive, and a reconnect if it is lost.
    "canonicaldomains canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots"
    " canonicalizepermittedcnames channeltimeout compression connectionattempts controlmaster"
    " controlpath controlpersist rekeylimit serveralivecountmax serveraliveinterval tcpkeepalive",
    # This is as strict, or stricter.
    "checkhostip hashknownhosts nohostauthenticationforlocalhost stricthostkeychecking"
    " updatehostkeys verifyhostkeydns",
    # Other ways to log in, which are tried beside keys: the supported ones are tried nevertheless.
    "gssapiauthentication gssapiclientidentity gssapidelegatecredentials gssapikeyexchange"
    " gssapikexalgorithms gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns"
    " hostbasedacceptedalgorithms hostbasedauthentication",
)
"""Keywords without effect here; so are unknown keywords of later versions."""

# Keywords in the files of distributions that have no effect here.
_OF_THE_DISTRIBUTION = re.compile(
    r"(?i)(include\s+/etc/ssh/ssh_config\.d/\*\.conf|host\s+\*|sendenv\s.*|hashknownhosts\s.*"
    r"|gssapiauthentication\s+yes|forwardx11trusted\s.*)"
)

_DEFAULT_KEY = re.compile(r"~/\.ssh/id_(rsa|dsa|ecdsa|ed25519|xmss)(_sk)?")
_FEWEST_DEFAULTS = 4
"""The number of names from which on a list is ssh's own default."""


@dataclass(frozen=True)
class Configured:
    """The configuration as fields of a Target, and the jump hosts."""

    fields: Mapping[str, Any]
    jump: tuple[Hop, ...]


@functools.cache
def is_used() -> bool:
    """Return whether the user, or this machine, has a configuration with any content."""
    parts = sorted(SYSTEM.with_name("ssh_config.d").glob("*.conf"))
    return any(map(_says_something, (home() / ".ssh" / "config", SYSTEM, *parts)))


def _says_something(file: Path) -> bool:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return False
    words = (line.strip() for line in lines)
    said = [line for line in words if line and not line.startswith("#")]
    return not all(map(_OF_THE_DISTRIBUTION.fullmatch, said))


@functools.cache
def ask(
    address: str,
    *,
    user: str | None = None,
    port: int | None = None,
    file: Path | None = None,
    timeout: float = 10.0,
) -> Keywords:
    """
    Return the output of `ssh -G`, asked once per process.

    `file` replaces the configuration of the user and the system.
    Raises Unreachable if there is no ssh(1), if it does not understand its files, or if it takes
    longer than `timeout` seconds, as a Match exec may.
    """
    command = ["ssh", "-G"]
    command += ["-F", str(file)] if file is not None else []
    command += ["-l", user] if user is not None else []
    command += ["-p", str(port)] if port is not None else []
    try:
        done = subprocess.run(
            [*command, "--", address],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise _not_read(address, "there is no ssh(1) to ask") from None
    except subprocess.TimeoutExpired:
        raise _not_read(address, f"no answer within {timeout:g} s") from None
    if done.returncode != 0:
        raise _not_read(address, "; ".join(done.stderr.split("\n")).strip("; ") or "it failed")
    return _parse(done.stdout)


def _not_read(address: str, why: str) -> Unreachable:
    return Unreachable(
        f"{address}: ssh -G does not say how to reach it: {why}",
        hint="`ssh_config: none` in hosts.yml leaves ssh's configuration alone",
    )


def _parse(text: str) -> Keywords:
    said: dict[str, list[str]] = {}
    for line in text.split("\n"):
        keyword, _, value = line.partition(" ")
        said.setdefault(keyword.lower(), []).append(value)
    return said


def understand(answer: Keywords, name: str, *, password: bool = False) -> Configured:
    """
    Return an output as a Target's fields; `name` is the host that was asked for.

    Raises Unreachable for unsupported values. With a `password`, keys may be turned off.
    """
    _refuse(answer, name, ("pubkeyauthentication", "preferredauthentications") if password else ())
    expand = _expander(answer, name)
    user, port = login_of(answer, name)
    fields: dict[str, Any] = {
        "address": _text(answer, "hostname", name, name),
        "port": port,
        "user": user,
        "identities_only": _one(answer, "identitiesonly") == "yes",
        "known_hosts": known_hosts(answer),
        "host_key_alias": _text(answer, "hostkeyalias", name),
        "certificate_files": paths(answer.get("certificatefile", ()), expand),
        "bind_address": _one(answer, "bindaddress"),
        "family": _family(answer, name),
        "rsa_bits": _number(answer, "requiredrsasize", name),
        "algorithms": _algorithms(answer),
        **_identities(answer, expand),
        **_agent(answer, expand),
    }
    if seconds := _number(answer, "connecttimeout", name):
        fields["connect_timeout"] = float(seconds)
    if command := _one(answer, "proxycommand"):
        fields["proxy_command"] = expand(command)
    return Configured(fields, jump_hosts(answer, name))


def login_of(answer: Keywords, name: str) -> tuple[str, int]:
    """Return the user and the port in an output. Raises Unreachable if they are invalid."""
    user = _text(answer, "user", name, getpass.getuser())
    return user, _number(answer, "port", name, "22")


def _number(answer: Keywords, keyword: str, name: str, default: str = "0") -> int:
    text = _one(answer, keyword, default)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise _not_read(name, f"{keyword} {text} is no number")
    return int(text)


def _text(answer: Keywords, keyword: str, name: str, default: str = "") -> str:
    text = _one(answer, keyword, default)
    if not text.isascii() and text != text.encode(errors="ignore").decode():
        raise _not_read(name, f"{keyword} {text} is no UTF-8")
    return text


def _family(answer: Keywords, name: str) -> str:
    if (family := _one(answer, "addressfamily", "any")) not in ("any", "inet", "inet6"):
        raise _not_read(name, f"addressfamily {family} is not understood")
    return family


def _refuse(answer: Keywords, name: str, but: Sequence[str]) -> None:
    for keyword, refused in REFUSED.items():
        if keyword == "localcommand" and _one(answer, "permitlocalcommand") != "yes":
            continue
        for value in answer.get(keyword, ()):
            if keyword not in but and refused(value):
                raise Unreachable(
                    f"{name}: ssh_config says `{keyword} {value}`, which this transport cannot do",
                    hint="say `transport: openssh` of it in hosts.yml, or `ssh_config: none`",
                )


def _one(answer: Keywords, keyword: str, default: str = "") -> str:
    """Return the one value of a keyword; `none` is no value."""
    [value, *_] = [*answer.get(keyword, ()), "none"]
    return default if value.lower() == "none" else value


def jump_hosts(answer: Keywords, name: str) -> tuple[Hop, ...]:
    """Return the bastions in an output, the nearest first. Raises Unreachable."""
    text = _one(answer, "proxyjump")
    try:
        return read_hops(text) if text else ()
    except ValueError:
        raise _not_read(name, f"ProxyJump {text} is not understood") from None


def _identities(answer: Keywords, expand: Callable[[str], str]) -> Mapping[str, Any]:
    files = answer.get("identityfile", ())
    if len(files) >= _FEWEST_DEFAULTS and all(map(_DEFAULT_KEY.fullmatch, files)):
        return {}
    named = paths(files, expand)
    return {"identity_files": named, "default_keys": not files}


def _agent(answer: Keywords, expand: Callable[[str], str]) -> Mapping[str, Any]:
    [place, *_] = [*answer.get("identityagent", ()), "SSH_AUTH_SOCK"]
    if place.lower() == "none":
        return {"agent": False}
    if place == "SSH_AUTH_SOCK":
        return {}
    if place.startswith("$") and not place.startswith("${"):
        return {"agent_socket": os.environ.get(place[1:], "")}
    return {"agent_socket": str(path_of(place, expand))}


def _algorithms(answer: Keywords) -> Algorithms:
    def names(keyword: str) -> tuple[str, ...]:
        return tuple(_one(answer, keyword).split(",")) if _one(answer, keyword) else ()

    return Algorithms(
        names("ciphers"),
        names("macs"),
        names("kexalgorithms"),
        names("hostkeyalgorithms"),
        names("pubkeyacceptedalgorithms"),
        names("casignaturealgorithms"),
    )


def known_hosts(answer: Keywords) -> tuple[Path, ...]:
    """Return the files in an output, the user's own before the system's."""
    lists = (_one(answer, "userknownhostsfile"), _one(answer, "globalknownhostsfile"))
    return tuple(Path(file) for text in lists for file in split(text))


def _expander(answer: Keywords, name: str) -> Callable[[str], str]:
    """Return a function that expands tokens; see TOKENS in ssh_config(5)."""
    host, port = _one(answer, "hostname", name), _one(answer, "port", "22")
    user, jump = _one(answer, "user", getpass.getuser()), _one(answer, "proxyjump")
    here = socket.gethostname()
    tokens = {
        "%": "%",
        "d": str(home()),
        "h": host,
        "i": str(os.getuid()),
        "j": jump,
        "k": _one(answer, "hostkeyalias", name),
        "L": here.partition(".")[0],
        "l": here,
        "n": name,
        "p": port,
        "r": user,
        "u": pwd.getpwuid(os.getuid()).pw_name,
        "C": hashlib.sha1(os.fsencode(f"{here}{host}{port}{user}{jump}")).hexdigest(),  # noqa: S324 - as ssh does
    }
    return lambda text: re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)
