"""The application of the sample cookbook `deploy_app`, as a git repository on a host."""

from __future__ import annotations

SERVER = """
import http.server, os, sys
BROKEN = {broken}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = os.environ["GREETING"] + " from version {version}"
        text = "ok" if self.path == "/health" else text
        status = 500 if BROKEN else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(text))); self.end_headers()
        self.wfile.write(text.encode())
    def log_message(self, *a): pass
if BROKEN: sys.exit("version {version} does not start")
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

VERSIONS = (("1", False), ("2", False), ("3", True))


def _version(version: str, *, broken: bool) -> str:
    text = SERVER.replace("{version}", version).replace("{broken}", str(broken))
    return (
        f"cat >server.py <<'END'\n{text}\nEND\n"
        f"git add . && git commit -qm 'Version {version}' && git tag v{version} || exit\n"
    )


PREPARE = (
    "command -v git >/dev/null || apt-get install -y --no-install-recommends git >/dev/null\n"
    "git config --global user.name Ann; git config --global user.email ann@example.org\n"
    "git init -q -b main /var/cache/git/shop.git && cd /var/cache/git/shop.git || exit\n"
    + "".join(_version(version, broken=broken) for version, broken in VERSIONS)
    + "systemd-run -q --unit=run-shop-git git daemon --reuseaddr --export-all"
    " --base-path=/var/cache/git --listen=127.0.0.1\n"
    "until git ls-remote -q git://127.0.0.1/shop.git >/dev/null; do sleep 0.2; done\n"
)
"""Makes versions 1 and 2, which work, and 3, which does not start; and serves them on loopback."""
