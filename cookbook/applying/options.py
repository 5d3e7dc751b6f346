"""The choices of one convergence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cookbook.applying.audit import Audit
from cookbook.applying.auto_rollback import AutoRollback
from cookbook.applying.orphans import Orphans
from cookbook.language.collection import Declared
from cookbook.planning.barriers import BarrierKeeper, NoOthers
from cookbook.planning.planner import Planner
from cookbook.planning.step import Listener, Permit


@dataclass(frozen=True)
class ConvergenceOptions:
    """The choices of one convergence; what is not given is left at its default."""

    apply: bool = True
    """False for a dry run."""

    stopping: Callable[[], bool] = lambda: False
    """Called between two exchanges; true ends the run after what was sent."""

    listener: Listener = field(default_factory=Listener)
    """The callbacks for work whose steps are not known yet."""

    orphans: Callable[[Planner], Orphans] | None = None
    """Creates the object that finds and prunes orphans; None leaves them alone."""

    audit: Callable[[Planner], Audit] | None = None
    """Creates the object that finds things which no recipe declares; None: they are ignored."""

    permit: Permit | None = None
    """Called before each change is sent, and told whether it is a further attempt."""

    independent: bool = False
    """In a dry run: judge each resource by the present state, as if it were the only one."""

    stepwise: bool = False
    """Send each change alone, so that `permit` knows its diff."""

    keep_going: bool = False
    """After a failure leave out only what needs the failed resource; declared commands count as
    such, because nothing says what they need."""

    left_out: Callable[[Declared], str | None] = lambda _: None
    """Returns why a declared resource is not looked at, or None; it still acts when notified."""

    barriers: BarrierKeeper = field(default_factory=NoOthers)
    """The barriers where the host waits for other hosts of the run."""

    rescue: AutoRollback | None = None
    """The auto-rollback for changes that may lock the operator out."""
