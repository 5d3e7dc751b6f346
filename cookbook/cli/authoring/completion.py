"""`cook completion SHELL`: a script that completes commands, options, files and hosts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

SHELLS = ("bash", "zsh", "fish")

_WHERE = {
    "bash": "source <(cook completion bash)    # in ~/.bashrc, or the file in"
    " ~/.local/share/bash-completion/completions/cook",
    "zsh": "cook completion zsh >~/.zfunc/_cook    # a folder of $fpath, before compinit",
    "fish": "cook completion fish >~/.config/fish/completions/cook.fish",
}

_FILES = {"FILE", "PATH", "RECIPE", "PLANFILE", "RULES", "FILE|PATTERN=REASON"}
"""Metavars of options whose value is a file."""

_HOSTS = {"PATTERN", "HOST"}
"""Metavars of options whose value names hosts."""

_AWK = r"""
function one(name,   a, n, i) {
  gsub(/["'\'' ]/, "", name)
  if (match(name, /\[[0-9]+:[0-9]+\]/)) {
    split(substr(name, RSTART + 1, RLENGTH - 2), a, ":")
    for (i = a[1] + 0; i <= a[2] + 0 && i < a[1] + 100; i++)
      print substr(name, 1, RSTART - 1) sprintf("%0" length(a[1]) "d", i) \
        substr(name, RSTART + RLENGTH)
  } else if (name ~ /^[A-Za-z0-9_.-]+$/) print name
}
function flow(text,   depth, i, c, name) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == "{") { depth++; if (depth == 1) name = ""; continue }
    if (c == "}") { depth--; continue }
    if (depth != 1) continue
    if (c == ",") name = ""; else if (c == ":" && name !~ /\[[^]]*$/) { one(name); name = "" }
    else name = name c
  }
}
/^(hosts|groups):/ { on = 1; indent = -1; if ($0 ~ /\{/) flow($0); next }
/^[^ #]/ { on = 0 }
on && match($0, /^ +/) && $0 !~ /^ *#/ {
  if (indent < 0) indent = RLENGTH
  if (RLENGTH == indent && match($0, /:( |$)/)) one(substr($0, 1, RSTART - 1))
}
"""
"""Prints the names below `hosts:` and `groups:` of an inventory: cook itself would take longer."""

_FIND = {
    "bash": """
_cook_hosts() {{
  local file=hosts.yml i
  for ((i = 1; i < ${{#COMP_WORDS[@]}} - 1; i++)); do
    [[ ${{COMP_WORDS[i]}} == --hosts ]] && file=${{COMP_WORDS[i+1]}}
  done
  [[ -r $file ]] && compgen -W "$(awk '{awk}' "$file" 2>/dev/null)" -- "$1"
}}
""",
    "zsh": """
_cook_hosts() {{
  local file=hosts.yml i
  for ((i = 1; i < ${{#words}}; i++)); do
    [[ ${{words[i]}} == --hosts ]] && file=${{words[i+1]}}
  done
  [[ -r $file ]] && compadd -- $(awk '{awk}' "$file" 2>/dev/null)
}}
""",
    "fish": """
function _cook_hosts
  set -l file hosts.yml
  set -l typed (commandline -opc)
  if set -l at (contains -i -- --hosts $typed)
    set -q typed[(math $at + 1)]; and set file $typed[(math $at + 1)]
  end
  test -r $file; and awk '{awk}' $file 2>/dev/null
end
""",
}


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = "Lines for the shell: " + "; ".join(_WHERE.values())
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    sys.stdout.write(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the script for a shell: one of SHELLS."""
    import shtab

    from cookbook.cli import whole_parser

    parser = whole_parser()
    for action in _actions(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # as shtab documents it
        elif action.metavar in _HOSTS:
            action.complete = _hosts(shell)  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def _hosts(shell: str) -> dict[str, Any]:
    """Return what shtab takes for the completion of hosts."""
    awk = _AWK if shell != "fish" else _AWK.replace(r"'\''", r"\'")
    return {
        "bash": "_cook_hosts",
        "zsh": "_cook_hosts",
        "fish": "(_cook_hosts)",
        "preamble": {name: text.format(awk=awk) for name, text in _FIND.items()},
    }


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the options and arguments of a parser, and of the commands below it."""
    for action in parser._actions:  # noqa: SLF001 - there is no other way to list them
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - the same
            for below in action.choices.values():
                yield from _actions(below)
