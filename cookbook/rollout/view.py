"""The view of a rollout as lines of text: its plan, its state, its events."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from cookbook.rollout import events as e
from cookbook.rollout.plan import Batch, RolloutPlan, Stage
from cookbook.rollout.state import AT_WORK, RolloutHost, RolloutState
from cookbook.rollout.strategy import (
    Act,
    Check,
    CommandAct,
    CommandHealth,
    HaproxyAct,
    HookAct,
    HttpHealth,
    NginxAct,
    RecipeHealth,
    Strategy,
    TcpHealth,
)
from cookbook.text.listing import named

ShownLine = tuple[str, str]
"""Style and text."""

_NAMED = 8


def plan_lines(plan: RolloutPlan) -> Iterator[ShownLine]:
    """Yield what comes when, and what stops it."""
    for number, stage in enumerate(plan.stages, 1):
        after = f", after {', '.join(stage.strategy.after)}" if stage.strategy.after else ""
        yield "bold", f"{number}. {stage.group}: {_count(len(stage.hosts), 'host')}{after}"
        gate = stage.strategy.gate
        for place, batch in enumerate(stage.batches):
            if gate is not None and place > 0 and (gate.each or place == 1):
                yield "", f"   gate: {gate.kind}"
            size = (
                f" ({batch.size}: {len(batch.hosts)} of {len(stage.hosts)})" if batch.size else ""
            )
            yield "", f"   {batch_name(batch, place)}{size}: {_names(batch.hosts)}"
        if gate is not None and len(stage.batches) == 1:
            yield "yellow", "   the gate is not asked: there is one batch"
        for line in strategy_lines(stage):
            yield "", f"   {line}"
    if plan.left_out:
        yield "yellow", f"in no group of the rollout, left out: {_names(plan.left_out)}"


def batch_name(batch: Batch, place: int) -> str:
    """Return the name of a batch; its place in its group begins with 0."""
    return "canary" if batch.canary else f"batch {place + 1}"


def strategy_lines(stage: Stage) -> Iterator[str]:
    """Yield the limits of a group, and what happens to each host."""
    s, total = stage.strategy, len(stage.members)
    steps = [*map(_act, s.drain), "the run", _health(s)]
    if s.min_healthy_time:
        steps.append(f"healthy for {s.min_healthy_time:g} s")
    yield f"each host: {', '.join([*steps, *(['back into service'] if s.enable else [])])}"
    at_once = s.max_parallel.at_most(max((len(b.hosts) for b in stage.batches), default=0))
    told = [f"at most {max(1, at_once)} at a time"]
    if s.spread:
        told.append(f"at most {s.spread_max} of a {s.spread}")
    if s.stagger:
        told.append(f"{s.stagger:g} s between two")
    if (wanted := s.min_healthy.at_least(total)) > 0:
        told.append(f"never fewer than {wanted} of {total} healthy")
    if s.change_window:
        told.append(f"begun only {' or '.join(window.written for window in s.change_window)}")
    yield ", ".join(told)
    if s.max_failures.number == 0:
        stops = "a host fails"
    else:
        canary = "the canary fails, or " if s.canary.number else ""
        stops = f"{canary}more than {s.max_failures} of a batch fail"
    revert = {"none": "nothing is reverted", "batch": "its batch is reverted"}
    way = revert.get(s.auto_revert, "all hosts are reverted")
    yield f"it stops if {stops}; then {way}"


def _health(strategy: Strategy) -> str:
    said = ", ".join(map(_check, strategy.health_check)) or "it can be reached"
    return f"healthy within {strategy.healthy_deadline:g} s ({said})"


def _check(check: Check) -> str:
    match check:
        case HttpHealth(url):
            return url
        case TcpHealth(port):
            return f"port {port}"
        case CommandHealth(command):
            return f"`{command}`"
        case RecipeHealth(path):
            return path.name


def _act(act: Act) -> str:
    match act:
        case HaproxyAct(server, on):
            return f"drain {server} on {on}"
        case NginxAct(_, server, on):
            return f"mark {server} as down on {on}"
        case CommandAct(command, on):
            return f"`{command}`{f' on {on}' if on else ''}"
        case HookAct(words):
            return words[0].rpartition("/")[2]


def event_line(event: e.Event, plan: RolloutPlan) -> ShownLine | None:  # noqa: C901, PLR0912 - a table
    """Return what an event means for people; None if it is not worth a line."""
    match event:
        case e.BatchBegun(stage, batch):
            found = plan.stages[stage]
            name = batch_name(found.batches[batch], batch)
            return "bold", f"{found.group}, {name}: {_names(found.batches[batch].hosts)}"
        case e.Begun(host, work):
            return "", f"  {host}: {'begun' if work == 'update' else 'being reverted'}"
        case e.Drained(host, seconds, remark):
            also = f"; {remark} already" if remark else ""
            return "", f"  {host}: drained ({seconds:g} s){also}"
        case e.BackInService(host, seconds, remark):
            if remark:
                return "yellow", f"  {host}: left out of service as it was before: {remark}"
            return "", f"  {host}: back in service ({seconds:g} s)"
        case e.TriedAgain(host, reason):
            return "yellow", f"  {host}: not healthy yet, trying again: {reason}"
        case e.Ended(host, work, outcome, reason, changed, in_service):
            done = "reverted" if work == "revert" else ("done" if changed else "was in line")
            text = f"{done}, healthy" if outcome == "done" else f"{outcome}: {reason}"
            if outcome == "failed" and not in_service and plan.stage_of(host).strategy.drain:
                text += "; it is out of service"
            return ("green" if outcome == "done" else "red"), f"  {host}: {text}"
        case e.Looked(host, healthy, reason):
            text = "healthy" if healthy else f"not healthy: {reason}"
            return ("" if healthy else "yellow"), f"  {host}: {text}"
        case e.GateAsked(stage, batch):
            group = plan.stages[stage].group
            return "yellow", f"{group}: batch {batch + 1} waits for `cook rollout promote`"
        case e.GatePassed(_, _, by):
            return "", f"the gate is open ({by})"
        case e.CommandGiven(command, by):
            return "bold", f"{command} ({by})"
        case e.Stopped(reason):
            return "bold red", f"stopped: {reason}"
        case e.Reverting(hosts):
            return "bold", f"reverting {_names(hosts)}"
        case e.GivenUp(host, reason):
            return "red", f"  {host}: not reverted: {reason}"
        case e.Retried(_, hosts):
            return "bold", f"could not be reached, trying again: {_names(hosts)}"
        case e.HostInterrupted(host):
            return "yellow", f"  {host}: the controller ended meanwhile; it is done again"
        case e.Finished(status):
            return ("bold green" if status == "done" else "bold red"), f"the rollout is {status}"
    return None


def state_lines(state: RolloutState, waits: str = "") -> Iterator[ShownLine]:
    """Yield where a rollout is: each group, the hosts at work, those that are left."""
    for number, stage in enumerate(state.plan.stages):
        phases = Counter(state.hosts[host].phase for host in stage.hosts)
        over = state.finished is not None
        words = (
            (count, "not begun" if over and p == "waiting" else p) for p, count in phases.items()
        )
        told = ", ".join(f"{count} {phase}" for count, phase in words)
        mark = ">" if number == state.stage and state.finished is None else " "
        yield "bold", f"{mark} {stage.group}: {told}"
        drains = bool(stage.strategy.drain)
        for host in stage.hosts:
            yield from _host_lines(host, state.hosts[host], drains=drains)
    if state.stopped is not None:
        yield "bold red", f"stopped: {state.stopped.reason}"
    if state.finished is None:
        yield from _waiting_lines(state, waits)
        return
    yield "bold", f"the rollout is {state.finished}"
    if state.finished != "reverted" and (left := state.pending):
        yield "yellow", f"pending: {_names(tuple(left))}"


def _host_lines(name: str, host: RolloutHost, *, drains: bool) -> Iterator[ShownLine]:
    if host.phase in AT_WORK:
        drained = "" if host.drained_seconds is None else ", drained"
        drained = drained if host.enabled_seconds is None else ", back in service"
        why = f": {host.reason}" if host.reason else ""
        yield "", f"    {name}: {host.phase} since {_clock(host.since)}{drained}{why}"
    elif host.reason or host.phase in ("failed", "unreachable", "revert-failed"):
        out = "" if host.in_service or not drains else "; it is out of service"
        yield "red", f"    {name}: {host.phase}: {host.reason}{out}"


def _waiting_lines(state: RolloutState, waits: str) -> Iterator[ShownLine]:
    if state.paused:
        yield "yellow", "paused"
    elif state.asked is not None:
        group = state.plan.stages[state.asked[0]].group
        yield "yellow", f"batch {state.asked[1] + 1} of {group} waits for `cook rollout promote`"
    elif waits:
        yield "", f"waits {waits}"


def _clock(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds).astimezone():%H:%M:%S}"


def _names(hosts: tuple[str, ...]) -> str:
    return named(hosts, _NAMED)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
