"""The barriers of a run, as far as they are known before any host is contacted."""

from __future__ import annotations

from cookbook.errors import Refused, UsageError
from cookbook.language.barriers import barriers_of
from cookbook.run.context import RunContext
from cookbook.run.lanes import check_room
from cookbook.run.meetings import Meetings


def known_meetings(context: RunContext) -> Meetings:
    """
    Return the barriers of the run, from its recipes, its saved plan or the run that it undoes.

    Raises UsageError if one needs a host that is not in the run, or two hosts differ in it.
    """
    try:
        return _declared(context)
    except Refused as error:
        raise UsageError(error.message, hint=error.hint) from None


def _declared(context: RunContext) -> Meetings:
    run = context.run
    found = Meetings(
        [host.name for host in run.hosts],
        lambda: context.signals.told,
        whole=not run.is_shard,
        elsewhere=run.elsewhere | _of_other_runs(context),
    )
    for host in run.hosts:
        if run.saved is not None:
            found.declare(host.name, run.saved.hosts[host.name].barriers)
        elif run.past is not None:
            steps = run.past[host.name]
            found.declare(host.name, barriers_of(step.declared for step in steps))
        elif (compiled := context.compiled[host.name]) is not None:
            found.declare(host.name, barriers_of(compiled))
    if run.past is None:  # of what is undone, a host may have only a part
        found.check_doers()
    if not context.looks:
        hosts = {host.name: host for host in run.hosts}
        found.check_together(lambda names: check_room([hosts[name] for name in names]))
    return found


def _of_other_runs(context: RunContext) -> frozenset[str]:
    """Return the hosts of blocks in a run that is undone, if they were not in that run."""
    past = context.run.past or {}
    blocks = (one for steps in past.values() for one in barriers_of(s.declared for s in steps))
    return frozenset(one.on for one in blocks if one.on) - context.run.machine_ids.keys()
