"""`python_venv` and pip: what is missing, what is broken, and an index with a login."""

from __future__ import annotations

import base64
import secrets
import shlex

import pytest

from cookbook.kitchen import KitchenHost
from cookbook.planning.step import Step
from tests.on_hosts.conftest import Converge
from tests.waiting import listening

pytestmark = pytest.mark.hosts

VENV = 'user("app", system=True)\npython_venv("/srv/venv", user="app")\n'
PACKAGE = """
from cookbook.secrets.secret import Secret
url = node.vars["login"].join(("http://", "@127.0.0.1:8099/simple"))
pip_package("tiny", venv="/srv/venv", index_url=Secret(url))
"""
INDEX = """
import base64, http.server, io, sys, zipfile
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization") != "Basic " + sys.argv[1]:
            self.send_response(401); self.send_header("WWW-Authenticate", "Basic")
            return self.end_headers()
        name = "tiny-1.0-py3-none-any.whl"
        body = f'<a href="/{name}">{name}</a>'.encode()
        if self.path.endswith(".whl"):
            info, file = "tiny-1.0.dist-info", io.BytesIO()
            with zipfile.ZipFile(file, "w") as wheel:
                wheel.writestr("tiny.py", "x = 1\\n")
                wheel.writestr(f"{info}/METADATA",
                    "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
                wheel.writestr(f"{info}/WHEEL",
                    "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                wheel.writestr(f"{info}/RECORD", "")
            body = file.getvalue()
        self.send_response(200); self.send_header("Content-Type", "text/html"); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""
WHEELS = """
import sys, zipfile
for given in sys.argv[1:]:
    name, version, tag, *needs = given.split(":")
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(f"/srv/wheels/{name}-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "x = 1\\n")
        wheel.writestr(f"{info}/METADATA",
            f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
            + "".join(f"Requires-Dist: {one}\\n" for one in needs))
        wheel.writestr(f"{info}/WHEEL",
            f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n")
        wheel.writestr(f"{info}/RECORD", "")
"""
REFUSED = {
    '["app", "web"]': (
        ["Cannot install requirement 1 and requirement 2", "app 1.0 depends on lib<2",
         "web 1.0 depends on lib>=2"],
        "requirements contradict each other",
    ),
    '["old"]': (
        ["No matching distribution found for old", "none of the wheel's tags (cp39-cp39-any)"],
        "no index has a version",
    ),
    f'["lib==1.0 --hash=sha256:{"0" * 64}"]': (
        ["DO NOT MATCH THE HASHES", "lib-1.0-py3-none-any.whl (from requirement 1)"],
        "the file that was fetched is not the one",
    ),
}  # fmt: skip
"""What pip refuses of wheels on the host: words of the error, and its cause."""


def statuses(steps: list[Step]) -> list[str]:
    return [step.status for step in steps]


def installed(host: KitchenHost) -> None:
    done = host.run("apt-get update -qq && apt-get install -y -qq python3-venv", timeout=900)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_named_and_what_is_broken_is_repaired(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    steps = plan(fresh_host, VENV)
    assert statuses(steps) == ["changed", "failed"]
    assert "python3" in str(steps[1].error)
    fresh_host.run("apt-get update -qq && apt-get install -y -qq python3-minimal", timeout=900)
    steps = plan(fresh_host, VENV)
    assert statuses(steps) == ["changed", "failed"]
    assert "python3-venv" in str(steps[1].error)

    installed(fresh_host)
    assert statuses(converge(fresh_host, VENV)) == ["changed", "changed"]
    assert statuses(converge(fresh_host, VENV)) == ["ok", "ok"]
    fresh_host.run("ln -sfn /usr/bin/python3.0 /srv/venv/bin/python3")
    assert statuses(converge(fresh_host, VENV)) == ["ok", "changed"]
    assert fresh_host.run("/srv/venv/bin/pip --version").returncode == 0
    fresh_host.run("rm -r /srv/venv/lib/python3*/site-packages/pip")
    assert statuses(converge(fresh_host, VENV)) == ["ok", "changed"]
    assert fresh_host.run("/srv/venv/bin/pip --version").returncode == 0
    assert fresh_host.run("find /srv/venv ! -user app").stdout == ""
    says_why_pip_refuses(fresh_host, converge, plan)


def says_why_pip_refuses(host: KitchenHost, converge: Converge, plan: Converge) -> None:
    """Pip does so quietly, except in its log."""
    some = "app:1.0:py3-none-any:lib<2 web:1.0:py3-none-any:lib>=2 old:1.0:cp39-cp39-any"
    libs = "lib:1.0:py3-none-any lib:2.0:py3-none-any"
    host.run(f"mkdir /srv/wheels; cat >/run/wheels.py <<'END'\n{WHEELS}\nEND")
    made = host.run(f"python3 /run/wheels.py {shlex.join(f'{some} {libs}'.split())}")
    assert made.returncode == 0, made.stderr
    for requirements, (words, cause) in REFUSED.items():
        where = 'venv="/srv/venv", options=["--no-index", "--find-links", "/srv/wheels"]'
        recipe = f"pip_requirements('all', requirements={requirements}, {where})"
        [step] = converge(host, recipe)
        assert step.error is not None
        assert (step.error.cause or "").startswith(cause)
        for word in words:
            assert word in str(step.error)
        if "hash" not in requirements:
            [step] = plan(host, recipe)
            assert words[-1] in str(step.change.note if step.change is not None else "")
    assert host.run("ls -d /tmp/tmp.*").stdout == ""
    says_what_pip_breaks(host, converge, plan)


def says_what_pip_breaks(host: KitchenHost, converge: Converge, plan: Converge) -> None:
    """Pip installs what another package does not work with, and ends with status 0."""
    where = 'venv="/srv/venv", options=["--no-index", "--find-links", "/srv/wheels"]'
    broken = "app 1.0 requires lib<2, which lib 2.0 is not"
    assert statuses(converge(host, f'pip_package("app", {where})')) == ["changed"]
    for act, status in ((plan, "changed"), (converge, "changed"), (converge, "ok")):
        [step] = act(host, f'pip_package("web", {where})')
        note = str(step.change.note if step.change is not None else "")
        assert step.status == status
        assert note.count(broken) == (status == "changed"), note
    assert "app 1.0 has requirement lib<2" in host.run("/srv/venv/bin/pip check").stdout


def test_a_password_of_an_index_is_seen_nowhere(
    fresh_host: KitchenHost, converge: Converge, plan: Converge
) -> None:
    host = fresh_host
    installed(host)
    password = f"cnry{secrets.token_hex(8)}"
    login = {"login": f"ann:{password}"}
    header = base64.b64encode(login["login"].encode()).decode()
    host.run(f"cat >/run/index.py <<'END'\n{INDEX}\nEND")
    host.run(f"systemd-run -q --unit index python3 /run/index.py {header}; {listening(8099)}")
    host.run("systemd-run -q --unit watch sh -c 'while :; do cat /proc/[0-9]*/cmdline; done"
             " >/run/seen 2>/dev/null'")  # fmt: skip

    fresh = plan(host, VENV + PACKAGE, variables=login)
    assert statuses(fresh) == ["changed", "changed", "unknown"]
    steps = converge(host, VENV + PACKAGE, variables=login)
    assert statuses(steps) == ["changed"] * 3, steps[2].error
    assert host.run("/srv/venv/bin/python -c 'import tiny'").returncode == 0
    assert statuses(converge(host, VENV + PACKAGE, variables=login)) == ["ok"] * 3
    host.run("systemctl stop watch")
    assert host.run("test -s /run/seen && ! grep -qa cnry /run/seen").returncode == 0
    found = host.run(f"grep -rl {password} /var/lib /var/log /etc /root /tmp /srv /home")
    assert found.stdout == ""
    assert not any("cnry" in str(step.change) for step in steps)

    host.run("systemctl stop index; rm -r /srv/venv/lib/python3*/site-packages/tiny*")
    steps = converge(host, VENV + PACKAGE, variables=login)
    assert statuses(steps) == ["ok", "ok", "failed"]
    assert "cnry" not in str(steps[2].error)
