"""The packages that lives need: all of a host by one call of apt-get(8), from its first sources."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from cookbook.testing.host_state import LifeHost
from cookbook.testing.life import Life

LIMIT = 1800.0
"""Seconds that the installation may take."""

# The package lists and the cache are private: a life may be about those of the host. Sources and
# lists are copied when a host is prepared first, because a life may replace them. Others may look
# into the folder of the lists: apt-get(8) fetches as the user _apt.
_KEEP = r"""
set -e; kept=/var/lib/cook-life/sources
[ -d $kept ] || { mkdir -p $kept.new/parts
cp -a /etc/apt/sources.list $kept.new/list 2>/dev/null || : >$kept.new/list
cp -a /etc/apt/sources.list.d/. $kept.new/parts; cp -a /var/lib/apt/lists $kept.new/
mv $kept.new $kept; }
"""

_INSTALL = r"""
set -- {packages}; need=
for p; do case $(dpkg-query -W -f '${{Status}}' "$p" 2>/dev/null) in
'install ok installed'|'hold ok installed') ;; *) need="$need $p" ;; esac; done
[ "$need" ] || exit 0
set -- -qq -o Dir::Etc::sourcelist=$kept/list -o Dir::Etc::sourceparts=$kept/parts
set -- "$@" -o Dir::State::lists=$kept/lists -o Acquire::Languages=none -o Acquire::Retries=5
set -- "$@" -o Dir::Cache::srcpkgcache=$kept/cache.bin -o Dir::Cache::pkgcache=
export DEBIAN_FRONTEND=noninteractive
[ "$(find $kept/updated -mmin -60 2>/dev/null)" ] || {{ apt-get "$@" update; : >$kept/updated; }}
said=$(apt-get "$@" install -y --no-install-recommends $need 2>&1) ||
{{ echo "$said" >&2; exit 1; }}
"""


def prepare_packages(lives: Iterable[Life], host: LifeHost) -> None:
    """
    Install the packages of all lives that the host does not have.

    Raises AssertionError with the output of apt-get(8) if it fails.
    """
    names = sorted({name for life in lives for name in life.packages})
    script = _KEEP + (_INSTALL.format(packages=shlex.join(names)) if names else "")
    done = host.run(script, timeout=LIMIT)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise AssertionError(f"packages: {' '.join(names)}: {said}")
