"""The common part of the providers of firewall rules: their state, and its order."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from cookbook.provider import (
    AccessPath,
    Change,
    Command,
    Probe,
    Provider,
    Risk,
    Table,
    hint,
    join,
    script,
    sh,
)
from cookbook.providers.base_chains import FOREIGN, deciding
from cookbook.resources.firewall_rule import FirewallRule

_COMMENT = 110  # of the 128 bytes nft(8) keeps

UNIT = "cook-firewall.service"
FOLDER = "/etc/cook"


@dataclass(frozen=True)
class State:
    """A rule, in the words of its tool; it may be several lines, each in a chain."""

    live: tuple[str, ...] = ()
    """As the kernel has it now."""
    saved: tuple[str, ...] = ()
    """As it will be loaded at boot."""
    placed: bool = True
    """No rule that comes later stands before it."""
    frame: bool = True
    """True if the chains are unchanged and contain no rules of others."""
    boot: bool = True
    """Something will load what is saved."""
    after: str = hint(default="")
    """The rule of its position that stands just before it; none: it is the first of them."""


# A record is a line of a rule in a chain, live or saved. Cook's are known by their comment:
# `cook POSITION: NAME | DESCRIPTION`. What has none belongs to the frame.
_RECORDS = r"""
function rec(kind, chain, text) { m++; K[m] = kind; C[m] = chain; T[m] = text; known(m) }
function known(i,  s, j) { N[i] = ""; P[i] = 0
  if (match(T[i], /comment "cook [0-9]+: [^"]*"/)) {
    s = substr(T[i], RSTART + 14, RLENGTH - 15); P[i] = s + 0; N[i] = substr(s, index(s, ": ") + 2)
    if (j = index(N[i], " | ")) N[i] = substr(N[i], 1, j - 1) } }
BEGIN { n = ARGC; ARGC = 1 }
"""
_SHOW = r"""
END { saved(); for (k = 1; k < n; k += 2) { name = ARGV[k]; seen = bad = 0; print "@" name
  for (i = 1; i <= m; i++) if (N[i] == name) { seen = 1
    print (K[i] == "live" ? "=" : "+") C[i] " " T[i]
    if (K[i] == "live") for (j = 1; j <= m; j++) if (K[j] == "live" && C[j] == C[i])
      if ((j < i && P[j] > P[i]) || (j > i && N[j] == ARGV[k + 1] && P[j] == P[i])) bad = 1 }
  if (seen) { print "!" bad " " boot
    for (i = 1; i <= m; i++) if (K[i] == "live" && N[i] == "") print "~" C[i] " " T[i] } } }
"""
_EDIT = r"""
function place(name, after, chain, text,  i, at, has) { m++; T[m] = text; known(m); p = P[m]; at = 0
  for (i = 1; i < m; i++) if (C[i] == chain && N[i] == after && P[i] == p) has = 1
  for (i = 1; i < m; i++) if (C[i] == chain && (P[i] < p || (P[i] == p && (N[i] == name ||
    (has ? N[i] == after : after != ""))))) at = i
  for (i = m; i > at + 1; i--) { C[i] = C[i-1]; T[i] = T[i-1]; N[i] = N[i-1]; P[i] = P[i-1] }
  C[at+1] = chain; T[at+1] = text; N[at+1] = name; P[at+1] = p }
END { for (k = 1; k < n; k += 3 + 2 * ARGV[k+2]) gone[ARGV[k]]
  kept = 0; for (i = 1; i <= m; i++) if (N[i] != "" && !(N[i] in gone)) {
    kept++; C[kept] = C[i]; T[kept] = T[i]; N[kept] = N[i]; P[kept] = P[i] }
  m = kept
  for (k = 1; k < n; k += 3 + 2 * ARGV[k+2]) for (l = 0; l < ARGV[k+2]; l++)
    place(ARGV[k], ARGV[k+1], ARGV[k+3+2*l], ARGV[k+4+2*l])
  if (m) write() }
"""


_BEFORE = r"""
END { for (i = 1; i <= m && !(K[i] == "live" && N[i] == ARGV[1]); i++);
  if (i > 1 && i <= m && C[i-1] == C[i] && P[i-1] == P[i]) print N[i-1] }
"""


class PacketFilter(Provider[FirewallRule, State]):
    """One separate table or some chains, written at once; all other rules stay."""

    load: Command
    """Shell that puts the live rules into `c`; it ends the shell if it cannot look."""
    reader: str
    """awk: a pattern without END that calls rec("live", ...), and saved()."""
    writer: str
    """awk: write(), which prints what `install` loads and keeps."""
    install: Command
    """Shell that loads and keeps what is in `new`, all or nothing; nothing left means nothing."""
    frame: ClassVar[Mapping[str, str]]
    """The fixed rules: chain and text -> pattern of the listed line."""

    @abstractmethod
    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """Yield the rule as its tool lists it: chain, a blank, text."""

    @abstractmethod
    def canonical(self, line: str) -> str:
        """Return a listed line as `lines` yields it."""

    def __init__(self) -> None:
        self._table = Table(self._ask, _split)

    def _ask(self, keys: Sequence[str]) -> Command:
        pairs = [part for key in keys for part in key.split("\n")]
        program = self.reader + _RECORDS + _SHOW
        told = sh('printf "%s\\n" "$c" | awk -v boot=$boot {} {}', program, pairs)
        return sh("{}{}{}", self.load, script(_BOOT_TEXT), told)

    def probe(self, rule: FirewallRule) -> Probe:
        """Its own lines, and whether something stands where it should not."""
        return self._table.about(f"{rule.name}\n{rule.after or ''}")

    def besides(self, rule: FirewallRule) -> Sequence[Probe]:
        """Ask for the base chains of others, where the rule lets something pass."""
        lets_pass = rule.command == "allow" and "create" in rule.doing
        return [FOREIGN] if lets_pass else []

    def warning(self, rule: FirewallRule, said: str) -> str | None:
        """Name the base chains of others that may drop what the rule accepts."""
        if not (chains := deciding(rule, said)):
            return None
        named = " and ".join(f"the chain {chain}" for chain in chains)
        return (
            f"{named} of others may still drop what this rule allows: a packet passes only if"
            " no base chain drops it (`nft list ruleset`)"
        )

    def parse(self, rule: FirewallRule, text: str) -> State | None:
        """None if there is no line of it, live or saved."""
        parts: dict[str, list[str]] = {mark: [] for mark in "=+~!"}
        for line in text.split("\n")[1:-1]:
            parts[line[0]].append(line[1:])
        if not parts["!"]:
            return None
        bad, boot = parts["!"][0].split(" ")
        return State(
            tuple(map(self.canonical, parts["="])),
            tuple(map(self.canonical, parts["+"])),
            bad == "0",
            _fits(self.frame, parts["~"]),
            boot == "1",
            rule.after or "",
        )

    def plan(self, rule: FirewallRule, found: State | None) -> Change[State]:
        """All or nothing: the same live and saved, in its place."""
        if "delete" in rule.doing:
            return Change(found, None)
        lines = tuple(self.lines(rule))
        return Change(found, State(lines, lines, after=rule.after or ""))

    def commands(self, name: str, change: Change[State]) -> Iterable[Command]:
        """Yield the command that writes the whole table at once."""
        yield self._edit([(name, change)])

    def together(self, changes: Sequence[tuple[str, Change[State]]]) -> Iterable[Command]:
        """One transaction."""
        return [self._edit(changes)]

    def lockout_risk(self, name: str, change: Change[State], way: AccessPath) -> Risk:
        """Return the risk: any rule may; one that drops the port of the login will."""
        lines = change.wanted.live if change.wanted is not None else ()
        return "will" if any(_shuts(line, way.port) for line in lines) else "may"

    def keeps(self, name: str, change: Change[State]) -> Command | None:
        """Keep the position of the rule: the order is part of the meaning."""
        if change.found is None:
            return None
        program = self.reader + _RECORDS + _BEFORE
        return sh('({}printf "%s\\n" "$c" | awk {} {}) || :', self.load, program, name)

    def learned(self, change: Change[State], kept: str, said: str) -> Change[State]:
        """Note the rule before it."""
        if change.found is None:
            return change
        return replace(change, found=replace(change.found, after=kept.strip()))

    def ask_back(self, rule: FirewallRule, change: Change[State]) -> FirewallRule:
        """Ask for the former position, not the declared one."""
        before = change.found
        return rule if before is None else replace(rule, after=before.after or None)

    def unobtainable(self, name: str, change: Change[State], now: State | None) -> str | None:
        """Return the reason: a rule that was saved and not loaded was a fault, not a state."""
        before = change.found
        if before is not None and before.saved and not before.live:
            return "the rule was saved, and not loaded: the run has repaired that"
        return None

    def back(self, name: str, change: Change[State], now: State | None) -> Change[State]:
        """Return to the former lines; repairs of the fixed rules stay."""
        if (before := change.found) is None:
            return Change(now, None)
        return Change(now, State(before.live, before.live, after=before.after))

    def _edit(self, changes: Sequence[tuple[str, Change[State]]]) -> Command:
        words: list[str] = []
        for name, change in _in_order(changes):
            wanted = change.wanted if change.wanted is not None else State()
            pairs = [line.partition(" ") for line in wanted.live]
            words += [name, wanted.after, str(len(pairs))]
            words += [word for chain, _, text in pairs for word in (chain, text)]
        program = self.reader + self.writer + _RECORDS + _EDIT
        made = sh('new=$(printf "%s\\n" "$c" | awk {} {}) || exit\n', program, words)
        return replace(join([self.load, made, self.install], ""), called="set the firewall rules")


def _in_order(
    changes: Sequence[tuple[str, Change[State]]],
) -> Iterator[tuple[str, Change[State]]]:
    """Each rule behind the one that it is to stand behind, if that is one of them."""
    left = dict(changes)

    def those_before(name: str) -> Iterator[tuple[str, Change[State]]]:
        if (change := left.pop(name, None)) is not None:
            if change.wanted is not None:
                yield from those_before(change.wanted.after)
            yield name, change

    for name, _ in changes:
        yield from those_before(name)


_NARROW = re.compile(r"\b(saddr|daddr|iifname|ct state)\b|(^| )-[sdi] |--ctstate")


def _shuts(line: str, port: int) -> bool:
    """Return whether a rule closes a TCP port to all sources."""
    chain, _, rule = line.partition(" ")
    if "in" not in chain.lower() or not re.search(r"(?i)\b(drop|reject)\b", rule):
        return False
    ports = re.search(r"tcp.*dports? (\{[^}]*\}|\S+)", rule)
    if ports is None or _NARROW.search(rule):
        return False
    ranges = re.findall(r"(\d+)(?:[-:](\d+))?", ports[1])
    return any(int(low) <= port <= int(high or low) for low, high in ranges)


_LOADERS = ("nftables.service", "netfilter-persistent.service", "iptables.service", "ufw.service")
"""Units that flush the rules of others when they start or stop: cook's are loaded at their end."""

_UNITS = "/etc/systemd/system"
_DROP_INS = tuple(f"{_UNITS}/{unit}.d/cook.conf" for unit in _LOADERS)
_INSTALLED = (f"{_UNITS}/sysinit.target.wants/{UNIT}", *_DROP_INS)
"""Links and files that exist if the rules are loaded at boot, and with the packet filter."""

_IS_INSTALLED = " && ".join(f"[ -e {path} ]" for path in _INSTALLED)

_BOOT_TEXT = f"""\
boot=1; [ ! -d /run/systemd/system ] || {{ {_IS_INSTALLED}; }} || boot=0
"""


def _split(text: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    parts: dict[str, str] = {}
    name = ""
    for line in text.split("\n")[:-1]:
        if line.startswith("@"):
            name = line[1:]
        parts[name] = parts.get(name, "") + f"{line}\n"
    return ((key, parts[name]) for key in keys if (name := key.partition("\n")[0]) in parts)


def _fits(frame: Mapping[str, str], lines: Sequence[str]) -> bool:
    """Return whether exactly the lines of the frame exist, in any spelling of the tool."""
    left = list(lines)
    for pattern in frame.values():
        hits = [line for line in left if re.fullmatch(pattern, line)]
        if not hits:
            return False
        left = [line for line in left if line not in hits]
    return not left


def comment(rule: FirewallRule) -> str:
    """Return the comment that identifies a live rule."""
    text = f"cook {rule.position}: {rule.name}"
    if rule.description and rule.include_comment:
        text += f" | {re.sub(r'[^A-Za-z0-9_.:/@+ -]', ' ', rule.description)}"
    return text[:_COMMENT].rstrip()


def install_unit(starts: Sequence[str]) -> Command:
    """
    Return the command that enables a unit which loads the rules before the network is up.

    Drop-ins load them also at the end of each start and reload of a unit that flushes all rules
    (`_LOADERS`): no packet passes that they deny.
    """
    text = f"""\
[Unit]
Description=Firewall rules set by cook
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After={" ".join(_LOADERS)}
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
{_lines("ExecStart", starts)}\
{_lines("ExecReload", starts)}
[Install]
WantedBy=sysinit.target
"""
    # A dash: the packet filter itself starts though cook's rules cannot be loaded.
    loads = [f"-{start}" for start in starts]
    drop_in = f"[Service]\n{_lines('ExecStartPost', loads)}{_lines('ExecReload', loads)}"
    add = [
        sh("mkdir -p -m 755 {} && printf %s {} >{}", path.rpartition("/")[0], drop_in, path)
        for path in _DROP_INS
    ]
    # `enable` has systemd read all files again, the drop-ins as well: systemctl(1).
    return sh(
        "if [ -d /run/systemd/system ] && ! { {}; }; then {} && printf %s {} >{} &&"
        " systemctl --quiet enable --now {}; fi",
        script(_IS_INSTALLED),
        join(add, " && "),
        text,
        f"{_UNITS}/{UNIT}",
        UNIT,
    )


def _lines(name: str, commands: Sequence[str]) -> str:
    return "".join(f"{name}={command}\n" for command in commands)


REMOVE_UNIT = sh(
    "[ ! -e {} ] || { systemctl --quiet disable --now {}; rm -f -- {} {};"
    " rmdir -- {} 2>/dev/null; systemctl daemon-reload; }; rmdir -- {} 2>/dev/null || :",
    f"{_UNITS}/{UNIT}",
    UNIT,
    f"{_UNITS}/{UNIT}",
    _DROP_INS,
    [path.rpartition("/")[0] for path in _DROP_INS],
    FOLDER,
)
