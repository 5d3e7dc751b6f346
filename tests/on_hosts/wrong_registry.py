"""A registry that serves by a digest what does not have it, and does not know another digest."""

from __future__ import annotations

import hashlib
import json

from tests.waiting import listening

ADDRESS = "127.0.0.1:5998"
UNKNOWN = "sha256:" + "b" * 64
"""It has nothing with this digest."""
OTHER = "sha256:" + "a" * 64
"""With this digest, as with each but UNKNOWN, it serves what has another one."""

_V2 = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = json.dumps(
    {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
)


def _manifest(**more: str) -> str:
    config = {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": len(_CONFIG),
        "digest": f"sha256:{hashlib.sha256(_CONFIG.encode()).hexdigest()}",
    }
    return json.dumps({"schemaVersion": 2, "mediaType": _V2, "config": config, "layers": []} | more)


TAGGED = f"sha256:{hashlib.sha256(_manifest().encode()).hexdigest()}"
"""The digest of what it serves by a tag."""

_SERVER = f"""\
#!/usr/bin/perl
use IO::Socket::INET;
$SIG{{PIPE}} = 'IGNORE';
my $server = IO::Socket::INET->new(LocalAddr => '{ADDRESS}', Listen => 9, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {{
    recv($client, my $first, 1, 2);  # MSG_PEEK
    if ($first eq "\\x16") {{  # to TLS, a server of HTTP answers by HTTP: then that is tried
        sysread $client, my $hello, 65536;
        print $client "HTTP/1.0 400 Bad Request\\r\\n\\r\\n";
        next;
    }}
    my ($verb, $path) = split / /, <$client>;
    while (<$client>) {{ last if /^\\r?$/ }}
    my ($status, $type, $body) = ('200 OK', 'application/json', '{{}}');
    if ($path =~ /{UNKNOWN}/) {{
        ($status, $body) = ('404 Not Found', '{{"errors":[{{"code":"MANIFEST_UNKNOWN"}}]}}');
    }} elsif ($path =~ m,/blobs/,) {{
        $body = '{_CONFIG}';
    }} elsif ($path =~ m,/manifests/sha256:,) {{
        ($type, $body) = ('{_V2}', '{_manifest(other="content")}');
    }} elsif ($path =~ m,/manifests/,) {{
        ($type, $body) = ('{_V2}', '{_manifest()}');
    }}
    print $client "HTTP/1.1 $status\\r\\nContent-Type: $type\\r\\nConnection: close\\r\\n";
    print $client "Docker-Distribution-Api-Version: registry/2.0\\r\\n";
    print $client 'Docker-Content-Digest: {TAGGED}', "\\r\\n" if $path =~ m,/manifests/1,;
    print $client 'Content-Length: ', length $body, "\\r\\n\\r\\n", $verb eq 'HEAD' ? '' : $body;
    close $client;
}}
"""

PREPARE = f"""
cat >/srv/wrong-registry <<'END'
{_SERVER}END
chmod +x /srv/wrong-registry && systemd-run -q --unit=wrong-registry /srv/wrong-registry || exit
{listening(5998)}
"""
"""The shell text that starts it, and ends when it listens."""
