"""The page of a run, and Neuroglancer, in Chromium. Skipped where there is none."""

import base64
import io
import shutil
import threading
from importlib import resources

import h5py
import numpy as np
import pytest
from PIL import Image

from metroem_commands.reporting.facts import collect
from metroem_commands.reporting.page import page
from metroem_commands.viewing.client import client
from metroem_commands.viewing.opening import every
from metroem_commands.viewing.serving import Server
from metroem_commands.viewing.showing import show
from metroem_commands.viewing.state import link, local_viewer, served
from metroem_commands.viewing.wishes import Wish
from metroem_core.errors import UserError
from metroem_core.run import load

pytestmark = pytest.mark.slow

webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if CHROMIUM is None or DRIVER is None:
    pytest.skip("there is no chromium with its driver", allow_module_level=True)

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--hide-scrollbars",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
LOADED = 120  # seconds a busy machine may take
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
SCREENS = [(width, scheme) for width in (1280, 400) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in FLAGS:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.set_script_timeout(LOADED)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of two small sections that were aligned, as an address."""
    folder = tmp_path_factory.mktemp("run")
    step = {
        "type": "align_pair",
        "image": {"type": "synthetic", "size": [256, 256, 8], "deformation": 6, "jitter": 4},
        "z": 4,
        "size": [128, 128],
        "aligner": ["block_match", "optimise"],
        "metrics": ["ncc"],
    }
    load({"steps": [step]}, out=folder).run()
    path = folder / "report.html"
    path.write_text(page(collect(folder, "https://viewer.example/")))
    return path.as_uri()


def look(browser, address, width, scheme, motion="no-preference"):
    """Open a page on a screen."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
    features = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(address)
    browser.execute_script('document.querySelectorAll("img").forEach(e => e.loading = "eager")')


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_report_is_accessible_and_nothing_sticks_out(browser, report, width, scheme):
    axe = pytest.importorskip("axe_core_python")
    look(browser, report, width, scheme)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script('document.querySelectorAll("details").forEach(e => e.open = true)')
    browser.execute_script(resources.files(axe).joinpath("axe.min.js").read_text())
    found = browser.execute_async_script(
        "axe.run(document, {runOnly: arguments[0]}).then(arguments[1])", RULES
    )
    faults = [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]]
    assert faults == []
    assert len(found["passes"]) > 15


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_texts_of_the_report_are_whole_and_apart(browser, report, width, scheme):
    look(browser, report, width, scheme)
    cut = browser.execute_script("""
        const leaves = [...document.querySelectorAll("main *, header *")].filter(
            e => e.checkVisibility() && !e.closest("details:not([open]), svg, .stack")
                 && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
        return leaves.map(e => e.getBoundingClientRect())
            .map((r, n) => [leaves[n].textContent.trim(), r.left, r.right])
            .filter(([text, left, right]) => left < 0 || right > innerWidth + 1);
    """)
    assert cut == []
    overlaps = browser.execute_script("""
        return [...document.querySelectorAll("svg")].filter(svg => {
            const boxes = [...svg.querySelectorAll("text")].map(e => e.getBoundingClientRect());
            return boxes.some((a, n) => boxes.slice(n + 1).some(b =>
                a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
        }).length;
    """)
    assert overlaps == 0


def test_every_picture_and_plot_shows_something(browser, report):
    look(browser, report, 1280, "light")
    empty = browser.execute_script("""
        return [...document.querySelectorAll("main img")].filter(e => !e.naturalWidth).length;
    """)
    assert empty == 0
    lines = browser.execute_script("""
        return [...document.querySelectorAll("figure.plot svg")].map(
            e => e.querySelectorAll("polyline, circle").length);
    """)
    assert lines
    assert all(lines)


def test_a_table_is_sorted_by_the_column_that_is_clicked(browser, report):
    look(browser, report, 1280, "light")
    values = browser.execute_script("""
        const table = document.querySelector("section table");
        const head = table.tHead.rows[0].cells[3];
        const rows = () => [...table.tBodies[0].rows];
        const values = () => rows().map(row => Number(row.cells[3].dataset.value));
        head.querySelector("button").click();
        const up = values();
        head.querySelector("button").click();
        return [up, values(), head.getAttribute("aria-sort")];
    """)
    assert values[0] == sorted(values[0])
    assert values[1] == values[0][::-1]
    assert values[2] == "descending"


def test_a_picture_is_enlarged_by_a_click(browser, report):
    look(browser, report, 400, "dark")
    browser.execute_script('document.querySelector(".zoom").click()')
    assert browser.execute_script('return document.querySelector("dialog").open')
    browser.execute_script('document.querySelector("dialog button").click()')
    assert not browser.execute_script('return document.querySelector("dialog").open')


def test_pictures_flicker_only_when_asked_and_never_with_reduced_motion(browser, report):
    state = 'return getComputedStyle(document.querySelector(".stack .after")).{}'
    choose = 'document.querySelector(".flicker [value={}]").click()'
    look(browser, report, 1280, "light")
    assert browser.execute_script(state.format("animationName")) == "none"
    browser.execute_script(choose.format("before"))
    assert browser.execute_script(state.format("visibility")) == "hidden"
    browser.execute_script(choose.format("flicker"))
    assert browser.execute_script(state.format("animationName")) == "flicker"
    look(browser, report, 1280, "light", motion="reduce")
    browser.execute_script(choose.format("flicker"))
    assert browser.execute_script(state.format("animationName")) == "none"


@pytest.fixture
def neuroglancer(browser):
    """A function that shows volumes, and answers the picture (H, W, 3) when it is what is hoped."""
    try:
        files = client()
    except UserError:
        pytest.skip("there is no neuroglancer")

    def shown(*paths, until):
        volumes = [each for path in paths for each in every(Wish.read(path))]
        with Server("127.0.0.1", 0, volumes, files, "https://viewer.example/") as server:
            state = show(volumes, lambda each: served(each.name, port=server.port), True)
            server.start = link(local_viewer(port=server.port), state)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                look(browser, f"http://127.0.0.1:{server.port}/", 1200, "light")
                return wait_for(browser, until)
            finally:
                browser.get("about:blank")
                server.shutdown()
                thread.join()

    return shown


def wait_for(browser, until):
    """The first picture of the screen that is what is hoped, or the last one."""
    for _ in range(LOADED):
        shot = base64.b64decode(browser.get_screenshot_as_base64())
        picture = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)[120:-60]
        if until(picture):
            break
        threading.Event().wait(1)
    return picture


def write(path, voxels, **attributes):
    with h5py.File(path, "w") as file:
        file["main"] = voxels
        file["main"].attrs.update(attributes)
    return str(path)


def share(picture, colour):
    """The part of a picture that has a colour, more or less."""
    return (np.abs(picture - colour).max(axis=-1) < 30).mean()


def test_neuroglancer_shows_an_image_with_contrast_and_a_mask(neuroglancer, tmp_path):
    voxels = np.zeros((3, 200, 400), np.uint8)
    voxels[:, :, :200], voxels[:, :, 200:] = 100, 110
    folds = np.zeros((3, 200, 400), bool)
    folds[:, 50:150, 150:250] = True
    words = f"raw={write(tmp_path / 'raw.h5', voxels)}", f"{write(tmp_path / 'f.h5', folds)}"

    def done(picture):
        red = (picture[..., 0] - picture[..., 1] > 60).mean()
        return share(picture, (0, 0, 0)) > 0.1 and share(picture, (255,) * 3) > 0.1 and red > 0.03

    assert done(neuroglancer(*words, until=done))


def test_neuroglancer_shows_the_directions_of_a_field_in_colours(neuroglancer, tmp_path):
    vectors = np.zeros((2, 1, 200, 200), np.float32)
    vectors[0, :, :, :100], vectors[0, :, :, 100:] = 4, -4
    field = write(tmp_path / "field.h5", vectors, units="pixels", components="xy")

    def done(picture):
        return share(picture, (255, 0, 0)) > 0.1 and share(picture, (0, 255, 255)) > 0.1

    assert done(neuroglancer(field, until=done))


def test_neuroglancer_shows_images_side_by_side(neuroglancer, tmp_path):
    dark, light = np.full((1, 100, 100), 10, np.uint8), np.full((1, 100, 100), 10, np.uint8)
    dark[:, :10], light[:, -10:] = 200, 200
    words = [
        f"{name}={write(tmp_path / f'{name}.h5', voxels)}"
        for name, voxels in (("raw", dark), ("aligned", light))
    ]

    def done(picture):
        left, right = np.array_split(picture, 2, axis=1)
        rows = [
            np.flatnonzero((side.min(axis=-1) > 225).mean(axis=1) > 0.3) for side in (left, right)
        ]
        return all(map(len, rows)) and rows[0].mean() < rows[1].mean()

    assert done(neuroglancer(*words, until=done))
