"""The base chains of others, which may drop a packet that a rule of cook accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cookbook.provider import Probe, sh
from cookbook.resources.firewall_rule import FirewallRule

# A line for each verdict that a packet can meet in a base chain or in the chains that it jumps to:
# hook, name of the base chain, rule. Elements of sets are left out (-t), and so are comments.
_AWK = r"""
/^table / { t = $2 " " $3; next }
t == "inet cook" { next }
/^\tchain / { c = $2; k = t SUBSEP c; next }
/^\t\ttype / { if ($2 == "filter") { hook[k] = $4; base[++n] = k; table[k] = t; name[k] = t " " c
  if (/policy drop/) policy[k] = 1 } next }
/^\t\t[^\t}]/ { sub(/^\t+/, ""); gsub(/"[^"]*"/, "\"\""); rule[k, ++m[k]] = $0 }
function walk(b, k,  i, l) { if ((b, k) in seen) return; seen[b, k] = 1
  for (i = 1; i <= m[k]; i++) { l = rule[k, i]
    if (l ~ /(^| )(drop|reject|queue|accept)([ ,]|$)/) print hook[b] "\t" told(b) "\t" l
    if (match(l, /(jump|goto) [^ ,]+/)) walk(b, table[b] SUBSEP substr(l, RSTART + 5, RLENGTH - 5))
  } }
function told(b,  i) { for (i = 1; i <= m[b]; i++)
    if (rule[b, i] ~ /jump ufw/) return name[b] " (ufw)"
  return name[b] }
END { for (i = 1; i <= n; i++) { b = base[i]
  if (b in policy) print hook[b] "\t" told(b) "\tpolicy drop"
  walk(b, b) } }
"""

FOREIGN = Probe(
    replace(
        sh("! command -v nft >/dev/null || nft -t list ruleset | awk {}", _AWK),
        called="nft -t list ruleset",
    ),
    loose=True,
)
"""Prints the verdicts of base chains of others: hook, chain, rule."""

_HOOKS = {
    "in": {"ingress", "prerouting", "input"},
    "forward": {"ingress", "prerouting", "forward", "postrouting"},
    "out": {"output", "postrouting"},
}

_FAMILIES = {"ip": (4,), "ip6": (6,)}


def deciding(rule: FirewallRule, said: str) -> list[str]:
    """Return the base chains of others that may drop what this rule accepts, as nft names them."""
    verdicts: dict[str, list[str]] = {}
    for line in said.splitlines():
        hook, chain, text = line.split("\t")
        families = _FAMILIES.get(chain.partition(" ")[0], (4, 6))
        if hook in _HOOKS[rule.direction] and set(families) & set(rule.families):
            verdicts.setdefault(chain, []).append(text)
    return [chain for chain, texts in verdicts.items() if _may_drop(rule, texts)]


def _may_drop(rule: FirewallRule, texts: list[str]) -> bool:
    dropping = [text for text in texts if not _accepts(text) and _concerns(rule, text)]
    return bool(dropping) and not any(_accepts_all_of(rule, text) for text in texts)


def _accepts(text: str) -> bool:
    return re.search(r"(^| )accept( |$)", text) is not None


def _concerns(rule: FirewallRule, text: str) -> bool:
    """Return whether a rule is about packets of any sender that has these ports."""
    if re.search(r"\b[sd]addr\b|ct state \{? ?invalid|\bct status\b|\brt type\b", text):
        return False
    ports = _ports(text)
    return ports is None or not rule.ports or any(_in(ports, low, high) for low, high in rule.ports)


def _accepts_all_of(rule: FirewallRule, text: str) -> bool:
    """Return whether a rule accepts each packet to these ports, from every sender."""
    narrow = re.search(r"\b[sd]addr\b|\b[io]if(name)?\b|\bct state\b|\blimit\b|\bvmap\b", text)
    ports = _ports(text)
    return (
        _accepts(text)
        and narrow is None
        and bool(rule.ports)
        and ports is not None
        and f"{rule.protocol} dport" in text
        and all(
            any(low >= first and high <= last for first, last in ports) for low, high in rule.ports
        )
    )


def _ports(text: str) -> list[tuple[int, int]] | None:
    """Return the destination ports of a rule; None if it names none, or a set."""
    found = re.search(r"dport (\{ [^}]* \}|[\d-]+)", text)
    return None if found is None else list(_ranges(found[1]))


def _ranges(text: str) -> Iterator[tuple[int, int]]:
    for low, high in re.findall(r"(\d+)(?:-(\d+))?", text):
        yield int(low), int(high or low)


def _in(ports: list[tuple[int, int]], low: int, high: int) -> bool:
    return any(low <= last and first <= high for first, last in ports)
