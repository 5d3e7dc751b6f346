"""What the web server does, on a host: run by `cook kitchen test`."""

from testinfra.host import Host


def test_the_page_is_served(host: Host) -> None:
    ask = r"exec 3<>/dev/tcp/localhost/8080; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3"
    page = host.check_output("bash -c %s", ask)
    assert "Tested" in page


def test_nginx_starts_at_boot(host: Host) -> None:
    assert host.service("nginx").is_running
    assert host.service("nginx").is_enabled


def test_the_site_belongs_to_deploy(host: Host) -> None:
    site = host.file("/srv/site")
    assert (site.user, site.group, oct(site.mode)) == ("deploy", "web", "0o2755")
