"""The page of ``amt studio`` in a real browser: Debian's chromium, where there is one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright's Python package is not installed"
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

from amt.arrange import arrange  # noqa: E402
from amt.midi import read_midi, write_midi  # noqa: E402
from amt.plan import plan_from_json  # noqa: E402
from amt.types import TICKS_PER_BEAT  # noqa: E402
from tests.studio.client import QUICK, Client  # noqa: E402

DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
JOB_MS = 40_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as tools:
        browser = tools.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


class Studio:
    """A page, and what its user does."""

    def __init__(self, page: Any, client: Client) -> None:
        self.page, self.client, self.complaints = page, client, []
        page.set_default_timeout(JOB_MS)
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def open(self, project: Any) -> None:
        self.page.goto(f"{self.client.url}/#{project['id']}")
        self.page.wait_for_selector("#work:not([hidden])")
        self.page.wait_for_selector(".bar")

    def until(self, expression: str) -> None:
        """Wait until JavaScript is true; Playwright's own way needs the page to allow eval."""
        for _ in range(JOB_MS // 50):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never came: {expression}")

    def rest(self) -> None:
        """Wait until no job is under way."""
        self.until("!document.body.classList.contains('busy')")
        self.page.wait_for_selector("#progress", state="hidden")

    def do(self, action: Any) -> None:
        """Do what begins a job, and wait for its end."""
        action()
        self.until("document.body.classList.contains('busy')")
        self.rest()

    def point(self, lane: str, time_s: float) -> tuple[float, float]:
        """Where a time is in a lane, in pixels of the window."""
        self.page.locator(lane).scroll_into_view_if_needed()
        box = self.page.locator(lane).bounding_box()
        duration_s = float(self.page.locator("#seek").get_attribute("max"))
        return box["x"] + box["width"] * time_s / duration_s, box["y"] + box["height"] / 2

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, start[1], steps=3)
        mouse.move(*end, steps=3)
        mouse.up()

    def violations(self) -> list[str]:
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.fixture
def make_page(browser: Any, studio: Client) -> Iterator[Any]:
    contexts = []

    def make(size: dict[str, int] = DESKTOP, **settings: Any) -> Studio:
        contexts.append(browser.new_context(viewport=size, **settings))
        return Studio(contexts[-1].new_page(), studio)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(make_page: Any) -> Studio:
    return make_page()


@pytest.fixture(scope="module")
def made(studio: Client, clip: Path) -> Any:
    """A project with a take that is not edited."""
    return studio.upload(clip, QUICK)


@pytest.fixture
def project(studio: Client, clip: Path) -> Any:
    return studio.upload(clip, QUICK)


def plan_of(client: Client, project: Any, take: str = "A") -> Any:
    return plan_from_json(client.file(project, "song.plan.json", take).decode())


def test_a_clip_is_dropped_scored_and_played(page: Studio, clip: Path) -> None:
    page.page.goto(page.client.url)
    page.page.select_option("#first select[name=style]", "piano")
    page.do(lambda: page.page.set_input_files("#file", clip))
    assert page.page.locator("#clip-name").inner_text() == "my shots.mp4"
    assert page.page.locator("#takes button").all_inner_texts() == ["Take A", "New take…"]
    assert page.page.locator("#panels .panel").count() == 9
    page.page.keyboard.press("Space")
    page.until("document.querySelector('#video').currentTime > 0.5")
    apart_s = page.page.evaluate("seek.value - video.currentTime")
    heads = page.page.evaluate(
        "[...document.querySelectorAll('#lanes .head')].map(h => h.style.left)"
    )
    assert abs(apart_s) < 0.3
    assert len(set(heads)) == 1 and heads[0] != "0%" and len(heads) >= 10
    page.page.keyboard.press("Space")
    assert page.page.locator("#play").get_attribute("aria-label") == "Play"
    page.page.reload()
    page.page.wait_for_selector(".bar")  # the address names the project
    assert page.complaints == []


def test_a_hit_point_is_set_dragged_and_undone(page: Studio, project: Any) -> None:
    page.open(project)
    bars_s = page.client.timeline(project)["bars_s"]
    first_s = bars_s[2] + 0.2
    page.do(lambda: page.page.mouse.dblclick(*page.point("#lane-hits", first_s)))
    (hit_s,) = plan_of(page.client, project).hits_s
    assert abs(hit_s - first_s) < 0.05
    start = page.point("#lane-hits", hit_s)
    page.do(lambda: page.drag(start, page.point("#lane-hits", hit_s + 0.25)))
    plan = plan_of(page.client, project)
    (moved_s,) = plan.hits_s
    assert abs(moved_s - hit_s - 0.25) < 0.05
    assert np.abs(plan.grid.beats_s[plan.grid.downbeats] - moved_s).min() < 1e-6
    page.page.click("#undo")
    page.until("!document.querySelector('#redo').disabled")
    assert plan_of(page.client, project).hits_s == (hit_s,)
    assert page.complaints == []


def test_bars_are_composed_again_and_others_stay(
    page: Studio, project: Any, tmp_path: Path
) -> None:
    page.open(project)
    bars_s = page.client.timeline(project)["bars_s"]
    before = arrange(plan_of(page.client, project))
    page.drag(page.point("#lane-bars", bars_s[1] + 0.1), page.point("#lane-bars", bars_s[2] + 0.3))
    assert page.page.locator("#selected").inner_text() == "Bars 2 to 3"
    page.do(lambda: page.page.click("#again"))
    plan = plan_of(page.client, project)
    assert [(r.first, r.last) for r in plan.arrangement.rewrites] == [(2, 3)]
    start, end = (int(plan.grid.downbeats[bar]) * TICKS_PER_BEAT for bar in (1, 3))
    (tmp_path / "song.mid").write_bytes(page.client.file(project, "song.mid"))
    after = read_midi(tmp_path / "song.mid")

    def notes(song: Any, inside: bool) -> set[Any]:
        return {
            (track.name, note.start, note.pitch)
            for track in song.tracks
            for note in track.notes
            if (start <= note.start < end) == inside
        }

    assert notes(before, False) == notes(after, False)
    assert notes(before, True) != notes(after, True)
    page.do(lambda: page.page.click("#lock"))
    assert plan_of(page.client, project).locked[0].first == 2
    page.page.click("#silence")
    page.until("document.querySelector('#alert').textContent.includes('locked')")
    assert page.complaints == []


def test_moods_borders_silences_and_parts(page: Studio, project: Any) -> None:
    page.open(project)
    page.page.select_option("#brush", "tense")
    page.do(lambda: page.drag(page.point("#lane-moods", 4.2), page.point("#lane-moods", 6.8)))
    timeline = page.client.timeline(project)
    assert timeline["moods"][4:7] == ["tense"] * 3 and timeline["moods"][0] != "tense"
    page.page.mouse.click(*page.point("#lane-bars", timeline["bars_s"][1] + 0.2))
    page.do(lambda: page.page.click("#silence"))
    assert len(page.client.timeline(project)["silences"]) == 1
    page.do(lambda: page.page.click(".silence"))
    assert page.client.timeline(project)["silences"] == []
    name = timeline["tracks"][0]["name"]
    page.do(lambda: page.page.click(f"[aria-label='Mute {name}']"))
    assert page.client.timeline(project)["muted"] == [name]
    page.do(lambda: page.page.click(f"[aria-label='Mute {name}']"))
    page.do(lambda: page.page.click(f"[aria-label='Solo {name}']"))
    assert name not in page.client.timeline(project)["muted"]
    assert len(page.client.timeline(project)["muted"]) == len(timeline["tracks"]) - 1
    page.do(lambda: page.page.select_option("#style", "strings"))
    assert plan_of(page.client, project).style == "strings"
    assert page.complaints == []


def test_takes_are_compared_at_the_same_moment(page: Studio, project: Any) -> None:
    page.open(project)
    page.page.click("#add-take")
    page.do(lambda: page.page.click("#new-take button[value=copy]"))
    assert page.page.locator("#takes [aria-pressed=true]").inner_text() == "Take B"
    page.do(lambda: page.page.select_option("#style", "strings"))
    page.page.locator("#seek").fill("5")
    page.page.keyboard.press("Escape")
    page.page.locator("#timeline").focus()
    page.page.keyboard.press("1")
    page.page.wait_for_selector("[data-take=A][aria-pressed=true]")
    assert page.page.locator("#style").input_value() == "piano"
    assert float(page.page.locator("#seek").input_value()) == 5.0
    assert [plan_of(page.client, project, take).style for take in "AB"] == ["piano", "strings"]
    assert page.complaints == []


def test_what_is_downloaded_is_what_the_plan_gives(
    page: Studio, project: Any, tmp_path: Path
) -> None:
    page.client.edit(project, {"do": "silence", "start_s": 3.0, "end_s": 4.0})
    page.open(project)
    page.page.click("#downloads")
    got = {}
    for name in ("midi", "plan"):
        with page.page.expect_download() as download:
            page.page.click(f"#get-{name}")
        got[name] = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename.startswith("my shots A")
    write_midi(arrange(plan_from_json(got["plan"].decode())), tmp_path / "song.mid")
    assert got["midi"] == (tmp_path / "song.mid").read_bytes()
    with page.page.expect_download() as download:
        page.page.click("[data-file='song.wav']")
    assert Path(download.value.path()).read_bytes()[:4] == b"RIFF"
    assert page.complaints == []


def test_the_keyboard_alone_suffices(page: Studio, project: Any) -> None:
    page.open(project)
    keyboard = page.page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(60):
            keyboard.press("Tab")
            if page.page.evaluate(f"document.activeElement.matches({json.dumps(selector)})"):
                return
        raise AssertionError(f"{selector} cannot be reached by Tab")

    tab_to("#lane-bars")
    for key in ("ArrowRight", "Shift+ArrowRight"):
        keyboard.press(key)
    assert page.page.locator("#selected").inner_text() == "Bars 2 to 3"
    for _ in range(60):
        keyboard.press("Shift+Tab")
        if page.page.evaluate("document.activeElement.id === 'again'"):
            break
    page.do(lambda: keyboard.press("Enter"))
    assert len(plan_of(page.client, project).arrangement.rewrites) == 1
    page.page.evaluate("document.activeElement.blur()")
    tab_to("#seek")
    for _ in range(3):
        keyboard.press("PageUp")
    keyboard.press("Tab")
    page.do(lambda: keyboard.press("h"))
    (hit_s,) = plan_of(page.client, project).hits_s
    tab_to(".hit")
    page.do(lambda: [keyboard.press("ArrowRight"), keyboard.press("ArrowRight")])
    (moved_s,) = plan_of(page.client, project).hits_s
    assert abs(moved_s - hit_s - 2 / 25) < 0.002
    assert page.page.evaluate("document.activeElement.classList.contains('hit')")
    page.do(lambda: keyboard.press("Delete"))
    assert plan_of(page.client, project).hits_s == ()
    keyboard.press("Control+z")
    page.page.wait_for_selector(".hit")
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_stands_in_the_way_of_anyone(
    make_page: Any, made: Any, size: dict[str, int], scheme: str
) -> None:
    page = make_page(size, color_scheme=scheme, has_touch=size is PHONE)
    page.page.goto(page.client.url)
    assert page.violations() == []
    page.open(made)
    page.page.locator("#lane-bars").focus()
    page.page.keyboard.press("ArrowRight")
    assert page.violations() == []
    page.page.click("#downloads")
    assert page.violations() == []
    page.page.keyboard.press("Escape")
    page.page.click("#add-take")
    assert page.violations() == []
    wider = page.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0
    page.page.goto(f"{page.client.url}/api")
    assert page.violations() == []
    assert page.complaints == []


def test_the_calls_that_are_shown_work_in_a_page(page: Studio, clip: Path) -> None:
    page.page.goto(f"{page.client.url}/api")
    code = page.page.locator("pre[aria-label='The calls in JavaScript']").inner_text()
    assert code.count("\n") == 4
    call = "async ([bytes]) => { const file = new File([new Uint8Array(bytes)], 'clip.mp4'); "
    call += f"{code}\nreturn [job.state, midi.size]; }}"
    state, size = page.page.evaluate(call, [list(clip.read_bytes())])
    assert state == "done" and size > 100
    assert page.complaints == []


def test_a_phone_suffices(make_page: Any, project: Any) -> None:
    page = make_page(PHONE, has_touch=True, is_mobile=True)
    page.open(project)
    page.page.touchscreen.tap(*page.point("#lane-bars", 2.6))
    assert page.page.locator("#selected").inner_text().startswith("Bar")
    page.do(lambda: page.page.tap("#again"))
    assert len(plan_of(page.client, project).arrangement.rewrites) == 1
    page.page.tap("#play")
    page.until("Number(document.querySelector('#seek').value) > 0.3")
    assert page.complaints == []


def test_what_goes_wrong_is_one_sentence(page: Studio, project: Any, tmp_path: Path) -> None:
    text, old = tmp_path / "notes.mp4", tmp_path / "old.json"
    text.write_text("no film\n" * 50)
    plan = page.client.file(project, "song.plan.json").decode()
    old.write_text(plan.replace('"version": 1', '"version": 9'))
    alert = page.page.locator("#alert")
    page.page.goto(page.client.url)
    page.page.set_input_files("#file", text)
    page.until("document.querySelector('#alert').textContent !== ''")
    assert "notes.mp4" in alert.inner_text() and "amt-studio-" not in alert.inner_text()
    page.page.set_input_files("#file", old)
    page.until("document.querySelector('#alert').textContent.includes('first')")
    page.open(project)
    give = "([text]) => { const data = new DataTransfer(); "
    give += "data.items.add(new File([text], 'old.json')); "
    give += "dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true })); }"
    page.page.evaluate(give, [old.read_text()])
    page.until("document.querySelector('#alert').textContent.includes('is 9')")
    assert "ersion is 9, expected 1" in alert.inner_text()
    page.do(lambda: page.page.evaluate(give, [plan]))
    assert page.page.locator("#takes [aria-pressed=true]").inner_text() == "Take B"
    page.complaints = [one for one in page.complaints if "422" not in one]  # chromium logs answers
    assert page.complaints == []


def test_a_tab_that_is_shut_and_another_that_is_late(make_page: Any, project: Any) -> None:
    first, second = make_page(), make_page()
    for page in (first, second):
        page.open(project)
    first.page.mouse.click(*first.point("#lane-bars", 0.5))
    first.page.click("#again")
    first.until("document.body.classList.contains('busy')")
    first.page.close()  # the work goes on
    job = second.client.state(project)["jobs"][-1]
    assert second.client.wait(project, job)["state"] == "done"
    second.page.mouse.click(*second.point("#lane-bars", 0.5))
    second.page.click("#again")
    second.until("document.querySelector('#alert').textContent !== ''")
    assert "another tab" in second.page.locator("#alert").inner_text()
    second.rest()
    second.do(lambda: second.page.click("#again"))
    assert len(plan_of(second.client, project).arrangement.rewrites) == 2
