"""The report in a browser: quiet, usable with a keyboard, and never wider than the window."""

import shutil

import pytest

from suite.report import render_report


@pytest.fixture(scope="module")
def browser():
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium is installed on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as session:
        running = session.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.mark.process
class TestInABrowser:
    @pytest.fixture
    def complaints(self) -> list[str]:
        return []

    @pytest.fixture
    def page(self, browser, refinement, tmp_path, complaints):
        file = tmp_path / "report.html"
        file.write_text(render_report(refinement))
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url))
        page.goto(file.as_uri())
        complaints.remove(file.as_uri())
        yield page
        page.close()

    @staticmethod
    def clip(page, left: str) -> str:
        return page.locator(f".left.{left}").first.evaluate("element => getComputedStyle(element).clipPath")

    def test_the_page_opens_without_a_complaint_or_a_request(self, page, complaints):
        page.wait_for_load_state("networkidle")

        assert [text for text in complaints if not text.startswith("data:")] == []

    def test_arrow_keys_move_the_slider(self, page):
        before = self.clip(page, "given")
        page.locator("#split").focus()
        page.keyboard.press("ArrowRight")

        assert before == "inset(0px 50% 0px 0px)"
        assert self.clip(page, "given") == "inset(0px 49% 0px 0px)"

    def test_a_click_moves_the_slider_to_where_it_was(self, page):
        box = page.locator("#split").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)

        assert page.locator("#split").input_value() in {"79", "80", "81"}
        assert self.clip(page, "given") in {f"inset(0px {rest}% 0px 0px)" for rest in (19, 20, 21)}

    def test_the_source_takes_the_place_of_the_given_edit(self, page):
        page.get_by_label("the source", exact=True).check()

        assert page.locator("img.source").is_visible()
        assert not page.locator("img.given").is_visible()

    def test_repaired_areas_are_outlined_on_request(self, page):
        outline = page.locator("img.repaired")
        hidden = not outline.is_visible()
        page.get_by_label("outline the repaired areas").check()

        assert hidden
        assert outline.is_visible()

    def test_each_map_can_be_shown_alone_and_the_boxes_hidden(self, page):
        first = page.locator(".seen").first
        first.get_by_label("artifacts").check()
        first.get_by_label("regions", exact=True).uncheck()

        assert first.locator(".artifact-map").is_visible()
        assert not first.locator(".failure-map").is_visible()
        assert not first.locator(".boxes").is_visible()

    @pytest.mark.parametrize("width", [360, 768, 1400])
    def test_nothing_is_wider_than_the_window(self, page, width):
        page.set_viewport_size({"width": width, "height": 900})

        assert page.evaluate("document.documentElement.scrollWidth") <= width
