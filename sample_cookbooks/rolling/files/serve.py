"""A small web service: serve.py NAME VERSION PORT [UPSTREAM-URL]. Version 3 is broken."""

import http.server
import signal
import sys
import threading
import urllib.request

name, version, port, *upstream = sys.argv[1:]
BROKEN = "3"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers / with the name and the version, and /health with its state."""

    def do_GET(self) -> None:
        """Answer a request."""
        said = f"{name} {version}"
        status = 500 if version == BROKEN else 200
        if upstream and self.path != "/health":
            with urllib.request.urlopen(upstream[0], timeout=5) as answer:  # noqa: S310
                said += f", {answer.read().decode()}"
        body = said.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing: the balancer asks every second."""


class Server(http.server.ThreadingHTTPServer):
    """Ends when the requests that it has begun are answered."""

    daemon_threads = False


server = Server(("", int(port)), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
