"""Rotation of logs, by a file that logrotate(8) reads."""

from __future__ import annotations

from cookbook.provider import provides
from cookbook.providers.checkers import named
from cookbook.providers.own_file import OwnFileProvider
from cookbook.resources.file import File
from cookbook.resources.logrotate import Logrotate

# A log that is in two files is found only where all are read; which of them is named depends on
# their order. That a log is missing is no error of a file.
_TOGETHER = """\
f={path}; set -- "$f"; for o in /etc/logrotate.d/*; do case ${o##*/} in {name}|*.dpkg-*|*~) ;;
*) set -- "$@" "$o" ;; esac; done; ! logrotate -d "$@" 2>&1 |
grep -E "^error: ($f:|[^:]*:[0-9]+ duplicate log entry for ({logs})\\$)" >&2"""


@provides(Logrotate)
class LogrotateProvider(OwnFileProvider[Logrotate]):
    """The file is checked together with the others: `logrotate -d` changes nothing."""

    tool = "logrotate"

    def file(self, logs: Logrotate) -> File:
        """Return the file."""
        path = logs.identity
        if logs.action == "disable":
            return File(path, action="delete", backup=False)
        patterns = "|".join(map(_pattern, logs.logs))
        together = _TOGETHER.replace("{name}", logs.name).replace("{logs}", patterns)
        return File(
            path,
            content=logs.text,
            owner="root",
            group="root",
            mode="0644",
            backup=False,
            verify=named("logrotate", together),
        )


def _pattern(path: str) -> str:
    """Return the extended regular expression of a pattern for paths, for a quoted word."""
    words = {"*": "[^/]*", "?": "[^/]", **dict.fromkeys("'$`\\", ".")}
    return "".join(words.get(c, c if c.isalnum() or c in "/_-[]" else f"[{c}]") for c in path)
