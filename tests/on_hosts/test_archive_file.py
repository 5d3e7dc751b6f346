"""Archives that try to write outside of their folder, and a zip, on a real host."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Converge

pytestmark = pytest.mark.hosts

BAD = {
    "an absolute name": ("/etc/life-evil", None, "a name leads outside: /etc/life-evil"),
    "a name with ..": ("a/../../life-evil", None, "a name leads outside: a/../../life-evil"),
    "a link to another folder": ("a", "../../etc", "a link leads outside"),
    "an absolute link": ("a", "/etc", "a link leads outside: /etc"),
}


def _tar(name: str, link: str | None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        good = tarfile.TarInfo("good")
        archive.addfile(good, io.BytesIO())
        member = tarfile.TarInfo(name)
        if link is not None:
            member.type, member.linkname = tarfile.SYMTYPE, link
        archive.addfile(member, io.BytesIO())
    return out.getvalue()


@pytest.mark.parametrize("what", BAD)
def test_an_archive_that_leads_outside_is_refused(
    converge: Converge, host: KitchenHost, tmp_path: Path, what: str
) -> None:
    name, link, says = BAD[what]
    (tmp_path / "files").mkdir()
    (tmp_path / "files/evil.tgz").write_bytes(_tar(name, link))
    [step] = converge(host, 'archive_file("/srv/evil", source="evil.tgz")')
    assert step.error is not None
    assert says in str(vars(step.error)), vars(step.error)
    left = host.run("ls -A /srv/ /etc/life-evil /life-evil 2>/dev/null | grep evil")
    assert left.stdout == ""


def test_a_zip_is_extracted_and_compared(
    converge: Converge, host: KitchenHost, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    with zipfile.ZipFile(tmp_path / "files/x.zip", "w") as archive:
        archive.writestr("top/a b", "1")
        archive.writestr("top/sub/c", "2")
    recipe = """
        package("unzip")
        archive_file("/srv/zipped", source="x.zip", strip_components=1)
    """
    assert [step.status for step in converge(host, recipe)] == ["changed", "changed"]
    assert host.run("cat '/srv/zipped/a b' /srv/zipped/sub/c").stdout == "12"
    assert [step.status for step in converge(host, recipe)] == ["ok", "ok"]
