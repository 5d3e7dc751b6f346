"""`pam_entry`: a change that keeps everybody out is taken back by the host."""

from __future__ import annotations

import pytest

from cookbook.kitchen import KitchenHost
from tests.on_hosts.conftest import Cook

pytestmark = pytest.mark.hosts

FILE = "/etc/pam.d/sshd"


def test_an_entry_that_locks_out_is_taken_back(fresh_host: KitchenHost, cook: Cook) -> None:
    before = fresh_host.run(f"cat {FILE}").stdout
    deny = "pam_entry('deny', service='sshd', type='account', module='pam_deny.so')"
    done = cook(fresh_host, "converge", "--confirm-timeout", "4s", recipe=deny)
    assert done["status"] != 0
    assert fresh_host.run(f"cat {FILE}").stdout == before

    permit = "pam_entry('permit', service='sshd', type='account', module='pam_permit.so')"
    assert cook(fresh_host, "converge", recipe=permit)["status"] == 0
    assert "account\trequired\tpam_permit.so\n" in fresh_host.run(f"cat {FILE}").stdout
