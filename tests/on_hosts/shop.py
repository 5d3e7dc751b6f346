"""The application of the sample cookbook `deploy_app`, as a git repository on a host."""

from __future__ import annotations

SERVER = """
import http.server, os, signal, sys, threading
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
address = os.environ.get("BIND", "127.0.0.1")
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
server = Server((address, int(sys.argv[1])), Handler)
# What it has begun to answer, it answers to the end.
signal.signal(signal.SIGTERM, lambda *a: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.02); server.server_close()
"""

DOCKERFILE = """
FROM python:3.11-slim
COPY server.py /app/server.py
ENV BIND=0.0.0.0 PYTHONDONTWRITEBYTECODE=1
CMD ["/usr/bin/python3", "-u", "/app/server.py", "8000"]
"""

VERSIONS = (("1", False), ("2", False), ("3", True))


def _version(version: str, *, broken: bool) -> str:
    text = SERVER.replace("{version}", version).replace("{broken}", str(broken))
    return (
        f"cat >server.py <<'END'\n{text}\nEND\ncat >Dockerfile <<'END'\n{DOCKERFILE}\nEND\n"
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

BASE_ARCHIVE = "/srv/python.tar"
"""The path of the base image on the host: no image can be pulled here."""

PREPARE_BASE = (
    "command -v python3 >/dev/null || apt-get install -y --no-install-recommends python3 >&2\n"
    "p=$(readlink -f /usr/bin/python3); v=${p##*/}\n"
    "l=$(ldd $p /bin/sh /usr/lib/$v/lib-dynload/*.so | grep -o '/[^ :]* (' | tr -d ' (')\n"
    f"tar -chf {BASE_ARCHIVE} --exclude=__pycache__ --exclude=test"
    " --no-recursion / /bin /lib /lib64 /tmp /usr /usr/bin /usr/lib /lib/*-linux-gnu"
    " --recursion /usr/bin/python3 /bin/sh /usr/lib/$v $(printf '%s\\n' $l | sort -u) 2>/dev/null\n"
    f"[ -s {BASE_ARCHIVE} ]\n"
)
"""Packs a base image with Python out of the host's own files."""
