"""The contract with a packet filter: how its rules are read, compared and written as a whole."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal, LiteralString, NamedTuple

from cookbook.provider import Command, join, script, sh
from cookbook.providers.firewall_boot import BOOT_STATE
from cookbook.resources.firewall_nat import FirewallNat
from cookbook.resources.firewall_rule import FirewallRule

_COMMENT = 110  # of the 128 bytes nft(8) keeps

POLICY = "(policy)"
"""The name of the rule that is the last one of a chain; no `firewall_rule` can have it."""

LAST = 10000
"""Its position."""

ALL = "*"
"""In an edit: all rules but the policies."""

Verdict = Literal["accept", "drop", "reject"]


# A record is a line of a rule in a chain, live or saved. Cook's are known by their comment:
# `cook POSITION: NAME | DESCRIPTION`. A set is known by its name, and is in a chain of that name,
# with an @. What has neither belongs to the frame.
_RECORDS = r"""
function rec(kind, chain, text) { m++; K[m] = kind; C[m] = chain; T[m] = text; known(m) }
function known(i,  s, j) { N[i] = C[i] ~ /^@/ ? C[i] : ""; P[i] = 0
  if (match(T[i], /comment "cook [0-9]+: [^"]*"/)) {
    s = substr(T[i], RSTART + 14, RLENGTH - 15); P[i] = s + 0; N[i] = substr(s, index(s, ": ") + 2)
    if (j = index(N[i], " | ")) N[i] = substr(N[i], 1, j - 1) } }
BEGIN { n = ARGC; ARGC = 1 }
"""
_EDIT = r"""
function place(name, after, chain, text,  i, at, has) { m++
  C[m] = chain; T[m] = text; known(m); p = P[m]; at = 0
  for (i = 1; i < m; i++) if (C[i] == chain && N[i] == after && P[i] == p) has = 1
  for (i = 1; i < m; i++) if (C[i] == chain && (P[i] < p || (P[i] == p && (N[i] == name ||
    (has ? N[i] == after : after != ""))))) at = i
  for (i = m; i > at + 1; i--) { C[i] = C[i-1]; T[i] = T[i-1]; N[i] = N[i-1]; P[i] = P[i-1] }
  C[at+1] = chain; T[at+1] = text; N[at+1] = name; P[at+1] = p }
function stays(name) { return name != "" && !(name in gone) && (name == LAST || !("*" in gone)) }
END { for (k = 1; k < n; k += 3 + 2 * ARGV[k+2]) gone[ARGV[k]]
  kept = 0; for (i = 1; i <= m; i++) if (stays(N[i])) {
    kept++; C[kept] = C[i]; T[kept] = T[i]; N[kept] = N[i]; P[kept] = P[i] }
  m = kept
  for (k = 1; k < n; k += 3 + 2 * ARGV[k+2]) for (l = 0; l < ARGV[k+2]; l++)
    if (ARGV[k] == "*") { m++; C[m] = ARGV[k+3+2*l]; T[m] = ARGV[k+4+2*l]; known(m) }
    else place(ARGV[k], ARGV[k+1], ARGV[k+3+2*l], ARGV[k+4+2*l])
  if (m) write() }
""".replace("LAST", f'"{POLICY}"')


class Entry(NamedTuple):
    """The lines that are wanted under a name."""

    name: str
    after: str
    """The name of the rule that it stands behind; empty: before all of its position."""
    lines: Sequence[str]
    """Chain, a blank, text; none: it is removed."""


class PacketFilter(ABC):
    """One separate table or some chains, written at once; all other rules stay."""

    load: Command
    """Shell that puts the live rules into `c`; it ends the shell if it cannot look."""
    base: Command = sh("b=$c\n")
    """Shell that puts the rules that are edited into `b`: the live ones, if they are not lost."""
    reader: str
    """awk: a pattern without END that calls rec("live", ...), and saved()."""
    writer: str
    """awk: write(), which prints what `install` loads and keeps."""
    install: Command
    """Shell that loads and keeps what is in `new`, all or nothing; nothing left means nothing."""
    frame: ClassVar[Mapping[str, str]]
    """The fixed rules: chain and text -> pattern of the listed line."""
    frame_of_nat: ClassVar[Mapping[str, str]]
    """The same of the chains that are there only while they have rules."""

    @abstractmethod
    def lines(self, rule: FirewallRule) -> Iterator[str]:
        """Yield the rule as its tool lists it: chain, a blank, text."""

    @abstractmethod
    def translations(self, rule: FirewallNat, prefix: str) -> Iterator[str]:
        """Yield a rule of translation, with `prefix` before its name in the comment."""

    @abstractmethod
    def closing(self, direction: str, verdict: Verdict) -> Iterator[str]:
        """Yield the last rule of a chain as its tool lists it; none for accept."""

    @abstractmethod
    def canonical(self, line: str) -> str:
        """Return a listed line as `lines` yields it."""

    def ask(self, program: LiteralString, words: Sequence[str], called: str) -> Command:
        """Return the question that an awk(1) program answers, which prints at END."""
        text = self.reader + _RECORDS + program
        told = sh('printf "%s\\n" "$c" | awk -v boot=$boot {} {}', text, words)
        return replace(sh("{}{}{}", self.load, script(BOOT_STATE), told), called=called)

    def edit(self, entries: Sequence[Entry]) -> Command:
        """Return the command that writes the whole table, with these entries anew."""
        words: list[str] = []
        for name, after, lines in entries:
            pairs = [line.partition(" ") for line in lines]
            words += [name, after, str(len(pairs))]
            words += [word for chain, _, text in pairs for word in (chain, text)]
        program = self.reader + self.writer + _RECORDS + _EDIT
        made = sh('new=$(printf "%s\\n" "$b" | awk {} {}) || exit\n', program, words)
        whole = join([self.load, self.base, made, self.install], "")
        return replace(whole, called="set the firewall rules")

    def framed(self, lines: Sequence[str], chains: Collection[str] = ()) -> bool:
        """
        Return whether exactly the lines of the frame exist, in any spelling of the tool.

        Chains of translation may be absent, unless they are among `chains`.
        """
        left = list(lines)
        needed = tuple(f"{chain.replace('COOK-', '')} " for chain in chains)
        for wanted, pattern in {**self.frame, **self.frame_of_nat}.items():
            hits = [line for line in left if re.fullmatch(pattern, line)]
            if not hits and (wanted in self.frame or wanted.startswith(needed)):
                return False
            left = [line for line in left if line not in hits]
        return not left


def comment(rule: FirewallRule | FirewallNat, prefix: str = "") -> str:
    """Return the comment that identifies a live rule."""
    text = f"cook {rule.position}: {prefix}{rule.name}"
    if rule.description and getattr(rule, "include_comment", True):
        text += f" | {re.sub(r'[^A-Za-z0-9_.:/@+ -]', ' ', rule.description)}"
    return text[:_COMMENT].rstrip()


def closing_comment() -> str:
    """Return the comment of the last rule of a chain."""
    return f"cook {LAST}: {POLICY}"


_OF_OTHERS = re.compile(r"\budp\b|icmp|l4proto (?!6\b)\d|-p (?!tcp\b)\S|--?sports? | sport ")


def lets_in(line: str, port: int) -> bool:
    """Return whether a rule lets a new connection to a TCP port in, at least from some senders."""
    chain, _, rule = line.partition(" ")
    rule = re.sub(r'comment "[^"]*"', "", rule)
    if "input" not in chain.lower() or not re.search(r"(?i)\baccept\b", rule):
        return False
    return not _OF_OTHERS.search(rule) and has_port(rule, port) is not False


def has_port(rule: str, port: int) -> bool | None:
    """Return whether a rule is about a destination port; None if it is about all, or a set."""
    ports = re.search(r"dports? (\{[^}]*\}|[\d:,-]+)", rule)
    if ports is None:
        return None
    ranges = re.findall(r"(\d+)(?:[-:](\d+))?", ports[1])
    return any(int(low) <= port <= int(high or low) for low, high in ranges)
