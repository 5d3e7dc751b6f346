"""`cook audit`: the controls of a profile, judged on hosts; nothing is changed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cookbook.cli.options import (
    add_facts_age,
    add_features,
    add_hosts,
    add_limits,
    add_reports,
    add_variables,
    add_verbose,
    features,
    fleet,
    hosts,
    limits,
    load_inventory,
    origin,
    password,
    variables,
)
from cookbook.cli.output import reader_may_leave

if TYPE_CHECKING:
    from cookbook.audit.document import AuditDocument
    from cookbook.audit.profile import Control, Profile
    from cookbook.audit.waivers import Waiver
    from cookbook.run.options import Run


def add(command: argparse.ArgumentParser, _name: str) -> None:
    """Declare the options."""
    from cookbook.audit.reports import AUDIT_FORMATS
    from cookbook.audit.severity import SEVERITIES

    command.epilog = (
        "Exit status: 0 if all controls are passed, waived or not applicable, 2 if one has failed,"
        " 3 if one could not be judged, 4 if that is because of unreachable hosts only."
    )
    command.add_argument(
        "profile", metavar="PROFILE", help="a folder with controls, or a shipped one: baseline"
    )
    add_hosts(command)
    command.add_argument(
        "--control",
        action="append",
        default=[],
        metavar="ID",
        dest="controls",
        help="only this control, or those of a pattern: 'ssh-*'; may be given again",
    )
    command.add_argument(
        "--severity", choices=SEVERITIES, help="only controls of at least this severity"
    )
    command.add_argument(
        "--waivers",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="which control may fail where, and until when (waivers.yml in the profile, if there"
        " is one); may be given again",
    )
    command.add_argument("--output", choices=list(AUDIT_FORMATS), default="text")
    add_reports(command)
    add_variables(command)
    add_features(command)
    add_facts_age(command)
    add_limits(command)
    add_verbose(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from cookbook.audit.profile import read_profile
    from cookbook.audit.reports import check_audit_reports, render_audit, write_audit_reports

    check_audit_reports(options.reports)
    profile = read_profile(options.profile)
    chosen = profile.chosen(options.controls, options.severity)
    document = _audited(profile, chosen, _waivers(profile, options.waivers), options)
    with reader_may_leave():
        if options.output == "text":
            from cookbook.audit.reports.text import audit_lines
            from cookbook.cli.progress import write

            write(audit_lines(document, verbose=bool(options.verbose)), sys.stdout)
        else:
            sys.stdout.write(render_audit(document, options.output))
    write_audit_reports(document, options.reports)
    return document["exit"]


def _waivers(profile: Profile, given: Sequence[Path]) -> list[Waiver]:
    """Return the waivers of the profile, and of the files that are named."""
    from cookbook.audit.profile import WAIVERS
    from cookbook.audit.waivers import read_waivers

    own = profile.folder / WAIVERS
    paths = [*([own] if own.is_file() else []), *given]
    return [waiver for path in paths for waiver in read_waivers(path, profile.controls)]


def _audited(
    profile: Profile,
    chosen: Mapping[str, Control],
    waivers: Sequence[Waiver],
    options: argparse.Namespace,
) -> AuditDocument:
    """Judge the controls on the hosts. Raises RecipeError before any host is contacted."""
    from datetime import datetime

    from cookbook.audit.judging import Judge
    from cookbook.cli.progress import Progress
    from cookbook.plugins.manager import listening
    from cookbook.run.runner import Runner

    tested = any(control.tests for control in chosen.values())
    if tested:
        from cookbook.audit.testinfra_tests import check_libraries

        check_libraries()
    run = _as_run(profile, chosen, options)
    runner = Runner(run)
    if sys.stderr.isatty():
        with listening(Progress()):
            report = runner.execute()
    else:
        report = runner.execute()
    others = None
    if tested:
        from cookbook.audit.testinfra_tests import results

        others = results(chosen.values(), run, report)
    today = datetime.now().astimezone().date()
    return Judge(profile, chosen, waivers, today, others).document(report)


def _as_run(profile: Profile, chosen: Mapping[str, Control], options: argparse.Namespace) -> Run:
    """Return the plan by which the controls are judged."""
    from cookbook.audit.selection import ControlSelection
    from cookbook.run.options import Run

    everything = load_inventory(options)
    given = variables(options.variables)
    return Run(
        "plan",
        profile.modules,
        hosts(options, everything),
        given,
        options.forks,
        password(options),
        independent=True,
        selection=ControlSelection(controls=frozenset(chosen), known=frozenset(profile.controls)),
        inventory=None if options.local else options.hosts,
        set="audit",
        features=features(options, given),
        **limits(options),
        **origin(options),
        **fleet(options, everything),
    )
