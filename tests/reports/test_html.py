"""The page: what is embedded cannot break out of it, is small, and is read by a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect, sync_playwright

from cookbook.reports import render
from cookbook.reports.html_page import embedded
from cookbook.reports.packed import packed
from cookbook.reports.schema import Document
from tests.reports.conftest import drifted, fleet

CHROMIUM = shutil.which("chromium")
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


class TestText:
    def test_a_thousand_hosts_are_small(self, whole_fleet: Document) -> None:
        """The bar is 5 MB; what is the same is kept once, so that it is a tenth of that."""
        assert sum(len(host["resources"]) for host in whole_fleet["hosts"].values()) == 49_450
        assert len(render(whole_fleet, "html").encode()) < 1_000_000

    @pytest.mark.slow
    def test_texts_of_their_own_on_every_host_are_not_large(self) -> None:
        """Ten files of each host, each with its name in it, and found in a way of its own."""
        document = fleet(1000, 50)
        for name, host in document["hosts"].items():
            for number, one in enumerate(host["resources"][:10]):
                lines = ["--- found", f"+++ /etc/f{number} (wanted)", "@@ -1,5 +1,5 @@"]
                lines += [f" server_name {name};", f"-listen {crc32(f'{name}{number}'.encode())};"]
                lines += ["+listen 80;", f" root /srv/{name};", " index index.html;"]
                one.update(drifted(one["id"], diff="\n".join(lines), cause="drift"))
        assert len(render(document, "html").encode()) < 5_000_000

    def test_what_is_said_twice_is_kept_once(self, whole_fleet: Document) -> None:
        data = packed(whole_fleet)
        assert len(data["texts"]) == len(set(data["texts"])) < 1_000
        assert len(data["things"]) < 300

    def test_no_text_ends_the_element_it_is_in(self, hostile: Document) -> None:
        page = render(hostile, "html")
        assert page.count("</script>") == 2
        assert "<img" not in page
        assert not re.search("[\u2028\u2029\x00-\x08\x7f-\x9f]", page)

    def test_embedded_is_the_same_data(self) -> None:
        data = ["</script>", "\u2028&<!--", "\x7f"]
        assert json.loads(embedded(data)) == data
        assert not set(embedded(data)) & set("<>&\u2028\x7f")

    def test_only_what_is_ours_is_run(self, one_of_each: Document) -> None:
        """The policy names the digests; there is no way to fetch, and none to send."""
        page = render(one_of_each, "html")
        policy = re.search(r'Policy" content="([^"]*)"', page)
        assert policy is not None
        for tag, kind in (("style", "style"), ("script", "script")):
            text = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[0]
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{kind}-src &#39;sha256-{digest}&#39;" in policy[1]
        assert policy[1].startswith("default-src &#39;none&#39;; ")
        assert "unsafe" not in policy[1]


Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium; as root it has no sandbox of its own."""
    assert CHROMIUM is not None, "chromium is installed by `make setup`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=120_000
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    """Open a report; at the end nothing was fetched, and nothing went wrong."""
    wrong: list[str] = []
    pages: list[Page] = []

    def refuse(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    def open_page(document: Document, at: str = "", **options: Any) -> Page:
        file = tmp_path / "report.html"
        file.write_text(render(document, "html"), "utf-8")
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", refuse)
        own = file.as_uri()
        page.on("request", lambda r: wrong.append(r.url) if r.url.split("#")[0] != own else None)
        page.goto(own + at)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert [line for line in wrong if line != "data:,"] == []


def found(page: Page) -> int:
    """How many hosts the filter leaves."""
    return page.locator("#fleet .cell").count()


@pytest.mark.browser
class TestFleet:
    def test_a_cell_for_each_host_and_few_rows(self, opened: Opened, whole_fleet: Document) -> None:
        """Rows are drawn as they are scrolled to; the whole page is a few thousand elements."""
        page = opened(whole_fleet)
        assert found(page) == 1000
        assert page.locator("#panel tbody tr:not(.sentinel)").count() < 200
        assert page.locator("*").count() < 5_000

        page.locator(".sentinel").scroll_into_view_if_needed()
        expect(page.locator("#panel tbody tr").nth(100)).to_be_attached()

    def test_the_worst_is_first(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each)
        assert page.locator("#panel tbody th").all_inner_texts() == ["web1", "db1", "web2"]
        page.get_by_role("button", name="In line", exact=True).click()
        assert page.locator("#panel tbody th").all_inner_texts()[0] == "db1"

    def test_filter_and_search(self, opened: Opened, whole_fleet: Document) -> None:
        page = opened(whole_fleet)
        chip = page.locator('.chip[data-state="drift"]')
        chip.click()
        assert chip.get_attribute("aria-pressed") == "true"
        assert found(page) == 98
        page.fill("#search", "queue part-01")
        assert found(page) == 0  # the words have to be in one place
        page.fill("#search", "QUEUE00")
        assert found(page) == 4
        assert page.inner_text("#found") == "4 hosts of 1,000"
        page.press("#search", "Escape")
        assert found(page) == 1000

    def test_search_finds_what_is_not_in_line(self, opened: Opened, whole_fleet: Document) -> None:
        page = opened(whole_fleet)
        page.fill("#search", "group[/srv/app/part-07]")
        assert found(page) == 17

    def test_what_differs_leads_to_its_hosts(self, opened: Opened, whole_fleet: Document) -> None:
        page = opened(whole_fleet)
        page.get_by_role("tab", name="Resources").click()
        page.get_by_role("button", name="directory[/srv/app/part-04]").click()
        assert found(page) == 62

    def test_the_timeline_has_all_hosts(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each)
        page.get_by_role("tab", name="Timeline").click()
        assert page.locator(".times li").count() == 3

    def test_what_the_ignore_file_has_wrong_is_told(
        self, opened: Opened, one_of_each: Document
    ) -> None:
        page = opened(one_of_each)
        assert "matches nothing" in page.inner_text("#remarks")


@pytest.mark.browser
class TestHost:
    def test_resources_unfold_to_what_differs(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each)
        page.click("#panel a:text-is('web1')")
        assert page.locator(".thing").count() == 8
        assert page.locator(".diff").count() == 0
        head = page.get_by_role("button", name="file[/etc/motd]")
        head.click()
        assert head.get_attribute("aria-expanded") == "true"
        rows = page.locator(".diff tbody tr")
        assert rows.nth(2).locator("td").all_text_contents() == [
            "2",
            "-removed: old",
            "2",
            "+added: new",
        ]
        assert rows.count() == 4
        head.click()
        assert page.locator(".diff").is_hidden()

    def test_all_that_is_known_is_told(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each, "#/host/web1")
        page.click("text=Unfold all")
        text = page.inner_text("#host-view")
        for told in (
            "getent: broken",
            "Next: look at it",
            "the vendor's (until 2026-12-31)",
            "first seen now",
            "since 2026-05-01 12:00",
            "package[nginx]",
            "0644",
            "0600",
            "web.py:12",
        ):
            assert told in text

    def test_a_host_that_could_not_be_asked(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each, "#/host/db1")
        assert "db1: no route to host" in page.inner_text("#host-view")

    def test_an_address_that_is_none_shows_the_fleet(
        self, opened: Opened, one_of_each: Document
    ) -> None:
        assert found(opened(one_of_each, "#/host/nobody")) == 3
        assert found(opened(one_of_each, "#/host/%E0%A4%A")) == 3

    def test_what_took_time_is_on_the_timeline(self, opened: Opened, whole_fleet: Document) -> None:
        page = opened(whole_fleet, "#/host/web001.example.net")
        assert page.locator("#host-view .times li").count() == 6


@pytest.mark.browser
class TestKeys:
    def test_a_walk_without_a_mouse(self, opened: Opened, whole_fleet: Document) -> None:
        page = opened(whole_fleet)

        def focused() -> str:
            return str(page.evaluate("document.activeElement.dataset.host ?? ''"))

        page.keyboard.press("ArrowRight")
        assert focused() == "0"
        page.keyboard.press("ArrowRight")
        assert focused() == "1"
        page.keyboard.press("ArrowDown")
        assert int(focused()) > 20
        page.keyboard.press("ArrowUp")
        assert focused() == "1"
        page.keyboard.press("End")
        assert focused() == "999"
        page.keyboard.press("Home")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.locator("#host-title")).to_have_text("queue001.example.net")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.locator(".diff").is_hidden()  # it was unfolded: there is only one
        page.keyboard.press("n")
        expect(page.locator("#host-title")).to_have_text("mail001.example.net")
        page.keyboard.press("p")
        expect(page.locator("#host-title")).to_have_text("queue001.example.net")
        page.keyboard.press("Escape")
        expect(page.locator("#host-view")).to_be_hidden()
        expect(page.locator('[data-host="3"]')).to_be_focused()

    def test_search_help_and_theme(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each, "#/host/web1")
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()
        page.keyboard.type("t?/web2")
        assert page.input_value("#search") == "t?/web2"
        # However fast somebody types, and whatever was searched for before.
        page.locator("#main").focus()
        slash = "new KeyboardEvent('keydown', {key: '/', bubbles: true})"
        fast = f"document.body.dispatchEvent({slash})"
        page.evaluate(f"{fast}; document.execCommand('insertText', false, 'a')")
        page.keyboard.type("b")
        assert page.input_value("#search") == "ab"
        page.keyboard.press("Escape")
        assert page.input_value("#search") == ""
        page.locator("#main").focus()
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        assert page.locator("#help").is_hidden()
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.keyboard.press("t")
        assert page.get_attribute("html", "data-theme") == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        page.reload()
        assert page.get_attribute("html", "data-theme") == "dark"
        page.click("#theme")
        assert page.get_attribute("html", "data-theme") == "light"

    def test_the_theme_is_the_systems(self, opened: Opened, one_of_each: Document) -> None:
        page = opened(one_of_each, color_scheme="dark")
        assert page.get_attribute("html", "data-theme") == "dark"


@pytest.mark.browser
def test_nothing_that_a_host_says_is_obeyed(opened: Opened, hostile: Document) -> None:
    page = opened(hostile)
    for tab in ("Resources", "Timeline", "Hosts"):
        page.get_by_role("tab", name=tab).click()
    page.locator(".cell").click()
    expect(page.locator(".thing")).to_have_count(2)
    assert page.locator("img").count() == 0
    assert "</script><img src=x onerror=alert(1)>" in page.inner_text("#host-title")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.keyboard.press("Escape")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("img").count() == 0


@pytest.mark.browser
def test_paper_has_what_is_not_in_line(opened: Opened, one_of_each: Document) -> None:
    page = opened(one_of_each)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#search").is_hidden()
    assert page.locator("#printed article").count() == 1
    assert "getent: broken" in page.inner_text("#printed")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#printed article").count() == 0
    page.goto(page.url.split("#")[0] + "#/host/web1")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".diff").is_visible()
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("at", ["", "#/host/web1", "#/host/db1"])
def test_everybody_can_read_it(scheme: str, at: str, opened: Opened, one_of_each: Document) -> None:
    """axe-core finds nothing: roles, names, order, contrast (WCAG 2.2 AA, best practices)."""
    page = opened(one_of_each, at, color_scheme=scheme, bypass_csp=True)
    if at == "#/host/web1":
        page.click("text=Unfold all")
    page.evaluate(AXE)
    for tab in ("Hosts", "Resources", "Timeline") if not at else ("",):
        if tab:
            page.get_by_role("tab", name=tab).click()
        result = page.evaluate("axe.run()")
        assert [
            (wrong["id"], [node["html"][:120] for node in wrong["nodes"]])
            for wrong in result["violations"]
        ] == []
        assert len(result["passes"]) > 20
