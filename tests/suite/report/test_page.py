"""The report as a file: complete, self-contained, safe to open, and of bounded size."""

import base64
import hashlib
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from editrefiner.contracts import StopReason
from suite.report import render_report

MEGABYTE = 2**20


class Page(HTMLParser):
    """Every element of a page with its attributes, and the text of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inline: dict[str, str] = {}
        self.text = ""
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside in {"style", "script"}:
            self.inline[self.inside] = self.inline.get(self.inside, "") + data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def unchanged(refinement):
    result = refinement.result.model_copy(
        update={
            "image": refinement.job.edited,
            "masks": (),
            "scores_after": refinement.result.scores_before,
            "improved": False,
            "converged": True,
            "stop_reason": StopReason.NO_FLAWS,
            "iterations": 0,
        }
    )
    return replace(refinement, result=result, iterations=())


def test_the_page_loads_nothing_from_outside(refinement):
    page = Page(render_report(refinement))

    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    assert {"link", "iframe", "object", "embed", "a", "form", "base"}.isdisjoint(
        tag for tag, _ in page.elements
    )
    assert not any(
        name in attributes for _, attributes in page.elements for name in ("href", "srcset", "style")
    )
    assert "url(" not in page.inline["style"]
    assert "@import" not in page.inline["style"]


def test_its_policy_admits_its_own_style_and_script_and_nothing_else(refinement):
    page = Page(render_report(refinement))
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy.split("; ") == [
        "default-src 'none'",
        "img-src data:",
        f"style-src 'sha256-{digest(page.inline['style'])}'",
        f"script-src 'sha256-{digest(page.inline['script'])}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_a_strangers_words_stay_words(refinement):
    nasty = "</q><script>alert(1)</script><img src=x onerror=alert(2)>"
    page = Page(
        render_report(replace(refinement, job=refinement.job.model_copy(update={"instruction": nasty})))
    )

    assert nasty in page.text
    assert len(page.all("script")) == 1
    assert not any("onerror" in attributes for _, attributes in page.elements)


def test_people_who_cannot_see_the_pictures_are_told_what_they_are(refinement):
    page = Page(render_report(refinement))

    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.all("img"))
    assert all(
        "aria-label" in drawing or drawing.get("aria-hidden") == "true" for drawing in page.all("svg")
    ), "a drawing has a label, or is decoration"


@pytest.mark.parametrize(
    "shown",
    [
        "Change the color of the cup and the saucer to blue",
        "Repaired: overall score 69.1 → 78.4",
        "It stopped because further rounds brought nothing better.",
        "Round 1, r3 (unintended removal): restored from the source",
        "The end of the spoon is gone.",
        "fine detail is 18 % of the source's",
        "harmonize(strength=0.8)",
        "Accepted candidate 2: overall 78.6, +9.1.",
        "refused: changes protected pixels",
        "+13.7",
        "Round 2, candidate 1",
        "Score of the edit as given",
        "evaluation still runs a provisional",
        "0404040404040404",
        "Max iterations",
    ],
)
def test_the_page_tells_what_happened(refinement, shown):
    assert shown in " ".join(Page(render_report(refinement)).text.split())


def test_an_untouched_edit_is_reported_as_such(refinement):
    page = Page(render_report(unchanged(refinement)))

    assert "No flaw found: the edit is returned as it was given" in page.text
    assert not any("repaired" in image.get("class", "") for image in page.all("img"))
    assert "What was repaired" not in page.text


def test_a_round_that_is_not_over_is_shown_as_far_as_it_got(refinement):
    begun = refinement.iterations[0].model_copy(
        update={"diagnosis": None, "edit": None, "scores": (), "scored": (), "accepted": None, "decision": ""}
    )
    page = Page(render_report(replace(refinement, iterations=(begun,))))

    assert "unfinished" in page.text


def test_the_largest_job_of_noise_stays_below_eight_megabytes(refinement, artifacts):
    noise = np.random.default_rng(0).integers(0, 256, (1400, 1400, 3), np.uint8)
    first = refinement.iterations[0]
    heavy = artifacts.put_pixels(noise)
    weights = artifacts.put_pixels(noise[..., 0])
    candidate = first.edit.candidates[1].model_copy(update={"image": heavy, "mask": weights})
    region = first.perception.regions[0]
    full = first.model_copy(
        update={
            "base": heavy,
            "perception": first.perception.model_copy(
                update={"artifact_map": weights, "failure_map": weights, "regions": (region,) * 8}
            ),
            "edit": first.edit.model_copy(update={"candidates": (candidate,) * 8}),
            "scores": (first.scores[1],) * 8,
            "scored": tuple(range(8)),
            "accepted": 3,
        }
    )
    job = refinement.job.model_copy(update={"source": heavy, "edited": heavy})
    result = refinement.result.model_copy(update={"image": heavy, "masks": (weights,)})

    page = render_report(replace(refinement, job=job, result=result, iterations=(full,) * 4))

    assert len(page.encode()) < 8 * MEGABYTE


def test_the_maps_of_a_round_that_saw_nothing_are_folded_away(refinement):
    first = refinement.iterations[0]
    clean = first.model_copy(
        update={
            "perception": first.perception.model_copy(update={"regions": ()}),
            "diagnosis": None,
            "edit": None,
            "scores": (),
            "scored": (),
            "accepted": None,
            "decision": "Nothing to repair: no flaw was seen.",
        }
    )

    text = Page(render_report(replace(refinement, iterations=(clean,)))).text

    assert "nothing in them is above the threshold" in text
    assert "nothing in them is above the threshold" not in Page(render_report(refinement)).text
