"""The control group of a host: where it is made, in each kind of tree, and that it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookbook.errors import KitchenError
from cookbook.kitchen import cgroup

HYBRID = "9:name=systemd:/user\n4:memory:/elsewhere\n0::/user/session\n"


def _tree(mounted: Path, *groups: str) -> Path:
    """A tree of folders that looks like mounted hierarchies."""
    for group in groups:
        folder = mounted / group
        folder.mkdir(parents=True, exist_ok=True)
        for above in (folder, *folder.parents):
            if above != mounted and above.is_relative_to(mounted):
                (above / "cgroup.procs").touch()
    return mounted


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own"
    path.write_text(HYBRID)
    return path


def test_it_is_made_in_each_hierarchy_that_systemd_uses(tmp_path: Path, own: Path) -> None:
    mounted = _tree(tmp_path / "cg", "unified/user/session", "systemd/user", "memory/elsewhere")
    made = cgroup.make("cook-h1-0", mounted, own)
    assert [path.relative_to(mounted) for path in made] == [
        Path("unified/user/session/cook-h1-0"),
        Path("systemd/user/cook-h1-0"),
    ]
    assert all(path.is_dir() for path in made)


def test_with_cgroup_v2_alone_there_is_one_tree(tmp_path: Path, own: Path) -> None:
    own.write_text("0::/user\n")
    mounted = tmp_path / "cg"
    (mounted / "user").mkdir(parents=True)
    (mounted / "cgroup.procs").touch()
    assert cgroup.make("cook-h1-0", mounted, own) == [mounted / "user/cook-h1-0"]


def test_a_group_that_cannot_be_seen_is_left_out(tmp_path: Path, own: Path) -> None:
    """As in a container that shows another part of the tree than /proc names."""
    mounted = _tree(tmp_path / "cg", "unified")
    assert cgroup.make("cook-h1-0", mounted, own) == []


def test_what_a_host_left_goes_with_it(tmp_path: Path, own: Path) -> None:
    mounted = _tree(tmp_path / "cg", "unified/user/session", "systemd/user")
    [one, other] = cgroup.make("cook-h1-0", mounted, own)
    cgroup.make("cook-h2-0", mounted, own)
    (one / "payload/system.slice/ssh.service").mkdir(parents=True)
    own.write_text("0::/\n")  # another login takes it down
    cgroup.remove("cook-h1-0", mounted)
    assert not one.exists()
    assert not other.exists()
    assert (one.parent / "cook-h2-0").is_dir()


def test_where_none_can_be_made_that_is_said(tmp_path: Path, own: Path) -> None:
    mounted = _tree(tmp_path / "cg", "unified/user/session")
    (mounted / "unified/user/session/cook-h1-0").touch()
    with pytest.raises(KitchenError, match=r"no control group can be made at .*cook-h1-0"):
        cgroup.make("cook-h1-0", mounted, own)


def test_hosts_of_the_same_name_have_different_groups() -> None:
    one, other = (cgroup.name_of(Path(f"/{k}/hosts/h1")) for k in "ab")
    assert one != other
    assert one.startswith("cook-h1-")
