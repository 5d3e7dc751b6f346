"""What the web server does, on a host: run by `cook kitchen test`."""

from typing import Any


def test_the_page_is_served(host: Any) -> None:
    ask = r"exec 3<>/dev/tcp/localhost/8080; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3"
    page = host.check_output("bash -c %s", ask)
    assert "Tested" in page


def test_nginx_starts_at_boot(host: Any) -> None:
    assert host.service("nginx").is_running
    assert host.service("nginx").is_enabled


def test_the_site_belongs_to_deploy(host: Any) -> None:
    site = host.file("/srv/site")
    assert (site.user, site.group, oct(site.mode)) == ("deploy", "web", "0o2755")
