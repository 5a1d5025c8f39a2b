"""A real browser for the pages: Debian's chromium, with the network off.

Where it is not installed these tests are skipped with the reason; in CI (`CI=true`) that is a
failure, so that a green run has seen the pages.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
)  # fmt: skip


def lacking(what: str) -> None:
    """Skip, or fail where a green run must have seen the pages."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: CI must run the browser's tests (see .ci/run)")
    pytest.skip(what)


class Browser:
    """What the tests ask of a browser, on top of its driver."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.js = driver.execute_script

    def media(self, scheme: str = "light", width: int = 1400) -> None:
        """The colour scheme that is asked for, and the window's width."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def open(self, page: Path) -> None:
        """Load a page from disk and wait until its charts are drawn."""
        self.driver.get(page.as_uri())
        if self.js("return document.getElementById('charts') !== null"):
            self.wait("return document.documentElement.dataset.charts === 'drawn'")

    def wait(self, script: str, seconds: float = 20) -> Any:
        """What a script gives, once that is true."""
        end = time.monotonic() + seconds
        while not (found := self.js(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)
        return found

    def complaints(self) -> list[str]:
        """What the console has been told since the last call: errors, and the policy's reports."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chromium of its own profile, offline."""
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        lacking("selenium is not installed: pip install '.[test]'")
    binary, control = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not control:
        lacking("chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary  # type: ignore[assignment]
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(control))
    started.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    started.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    yield started
    started.quit()


@pytest.fixture
def browser(driver: Any) -> Iterator[Browser]:
    """The browser, wide and light, with its logs empty; a test must leave no complaint in them."""
    one = Browser(driver)
    one.driver.get("about:blank")
    one.media()
    one.complaints()
    one.requests()
    yield one
    assert one.complaints() == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, which checks a page for barriers."""
    places = [os.environ.get("NINCOST_AXE", ""), ROOT / "node_modules/axe-core/axe.min.js"]
    for place in map(Path, filter(None, places)):
        if place.is_file():
            return place.read_text(encoding="utf-8")
    lacking("axe-core is not installed: npm install --no-save axe-core")
    raise AssertionError


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, driver: Any) -> Callable[[str, Any], Path]:
    """Write a result's page to a file of that name."""
    for library in ("jinja2", "vl_convert"):
        if importlib.util.find_spec(library) is None:
            lacking(f"{library} is not installed: pip install '.[test]'")
    folder = tmp_path_factory.mktemp("pages")

    def write(name: str, result: Any) -> Path:
        path = folder / f"{name}.html"
        result.to_html(path, force=True)
        return path

    return write
