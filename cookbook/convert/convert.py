"""The conversion of what a path names: a role, a playbook or a cookbook."""

from __future__ import annotations

from pathlib import Path

from cookbook.convert.project import Folder, module_name
from cookbook.convert.report import ConvertReport
from cookbook.errors import UsageError


def convert(source: Path, target: Path | None = None) -> tuple[Path, ConvertReport]:
    """
    Convert a role or a playbook of Ansible, or a cookbook of Chef, into a folder of recipes.

    Returns the folder and the account. Without `target` the folder is named after the source, in
    the current folder. Raises UsageError if there is nothing to convert, and for files that cannot
    be read, with file and line; nothing is written over.
    """
    if not source.exists():
        raise UsageError(f"{source}: there is no such file or folder")
    name = source.resolve().stem if source.is_file() else source.resolve().name
    report = ConvertReport(name)
    folder = Folder(target if target is not None else Path(f"{module_name(name)}_cook"), report)
    folder.check()
    try:
        _convert(source, folder, report)
    except RecursionError:
        raise UsageError(f"{source}: nested too deeply, or a file includes itself") from None
    return folder.path, report


def _convert(source: Path, folder: Folder, report: ConvertReport) -> None:
    from cookbook.convert.ansible.convert import convert_playbook, convert_role, is_role
    from cookbook.convert.chef.convert import convert_cookbook, is_cookbook

    if source.is_file() and source.suffix in (".yml", ".yaml"):
        convert_playbook(source, folder, report)
    elif source.is_dir() and is_role(source):
        convert_role(source, folder, report)
    elif source.is_dir() and is_cookbook(source):
        convert_cookbook(source, folder, report)
    else:
        raise UsageError(
            f"{source}: this is no role (tasks/main.yml), no playbook (a YAML file) and no cookbook"
            " (recipes/*.rb)",
            hint="name the folder of the role or of the cookbook, or the file of the playbook",
        )
