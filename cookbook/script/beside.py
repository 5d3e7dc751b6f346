"""
Questions that a host answers at the same time, in lanes.

A host with more than one processor has lanes that share the work; and where questions wait for an
answer from elsewhere, each host has lanes for them.

The questions of a lane are asked one after the other; lanes are shells beside one another. The
answers must come in the order of the program, and a question must make no file on the host: what a
later lane says on each stream waits in a pipe until the lanes before it are done.

POSIX gives the shell a pipe only between two commands; Linux opens the other end of a pipe by
/proc/self/fd (proc(5)). Where it does not, the lanes are asked one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST = 4
"""The maximum number of lanes that work, and of those that wait: a host has other work as well."""

_FEWEST = 5
"""The minimum number of questions of a lane: to make one takes as long as two or three of them."""

# `cook_beside LANE LANES` asks this lane, and those after it in the background, with two pipes for
# what they say. A shell that only waits holds no end of them: a lane whose reader has gone ends by
# SIGPIPE. If the commands of a shell are ended (cookbook.script.control), only the questions are:
# the lanes go on, as the shell itself does. If a lane is killed, so is the shell: no answer may be
# taken for that of another question. Files that a question makes are named by the nonce, so that
# each lane needs one of its own.
FUNCTIONS = """\
cook_wait() { cook_s=0
for cook_v do
while :; do wait $cook_v; cook_w=$?; kill -0 $cook_v 2>/dev/null || break; done
[ $cook_w = 0 ] || cook_s=1
done; return $cook_s; }
cook_beside() {
if [ $(($1 + 1)) = $2 ]; then cook_lane=-$1; cook_lane_$1; return; fi
: | { trap : TERM; exec 5<&0 8>&-
: | { trap : TERM; cook_lane=-$1
if { command exec 6<&0 3>/proc/self/fd/5 4>/proc/self/fd/0; } 2>/dev/null; then
exec </dev/null
(trap : TERM; cook_beside $(($1 + 1)) $2) >&3 2>&4 3>&- 4>&- 5<&- 6<&- &
cook_all=$!; exec 3>&- 4>&-
cook_lane_$1 5<&- 6<&-
(trap '' TERM; exec cat) <&6 >&2 5<&- 6<&- &
cook_all="$cook_all $!"
(trap '' TERM; exec cat) <&5 5<&- 6<&- &
exec 5<&- 6<&-; cook_wait $cook_all $!
else cook_lane_$1; cook_beside $(($1 + 1)) $2
fi; } &
exec 5<&- </dev/null; cook_wait $!; }
cook_w=$?; [ $cook_w = 0 ] || exit $cook_w; }
"""


def number_of_lanes(questions: int, cpus: int, *, apart: int = 0, waiting: int = 0) -> int:
    """
    Return the number of lanes for so many questions to a host with so many processors.

    `apart` of them share the first lane; `waiting` of them need no processor, but time.

    >>> number_of_lanes(17, 2), number_of_lanes(17, 16), number_of_lanes(9, 16)
    (2, 3, 1)
    >>> number_of_lanes(30, 4, apart=28), number_of_lanes(30, 4, apart=20)
    (1, 3)
    >>> number_of_lanes(30, 1, waiting=1), number_of_lanes(30, 2, waiting=9)
    (2, 6)
    >>> number_of_lanes(2, 1, waiting=1), number_of_lanes(2, 1, waiting=2)
    (1, 2)
    """
    rest = questions - waiting
    working = max(1, min(MOST, cpus, rest // _FEWEST, 1 + (rest - apart) // _FEWEST))
    alone = 0 if rest >= _FEWEST else 1  # the few others are asked by one of those that wait
    return max(1, working + min(MOST, waiting) - alone)


def lines(lanes: Sequence[Sequence[str]]) -> str:
    """Return the lines of a script that ask these lanes, each a number of lines, side by side."""
    define = (f"cook_lane_{i}() {{\n{''.join(lane)}}}\n" for i, lane in enumerate(lanes))
    return f"{''.join(define)}cook_beside 0 {len(lanes)}\n"
