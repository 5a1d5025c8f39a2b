"""How large a report's page is, and how long a browser takes to open and to sort it.

    python benchmarks/report_page.py --output reports/report_page.md

Each page is opened from disk several times in Debian's chromium with the network off, and the
median is told. "Seen" is the first time that anything is painted, "usable" when the document is
read and its table works, "drawn" when the last picture is. Sorting is a press of the MACs heading
until the table is laid out again, without filters, so every row is moved and shown.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from torch import nn

import nincost

_SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
_TIMES = """
const entry = performance.getEntriesByType('navigation')[0];
const paint = performance.getEntriesByType('paint')[0];
return [paint.startTime, entry.domContentLoadedEventEnd];
"""
_SORT = """
const button = document.querySelector('table.layers th:nth-child(5) button');
const start = performance.now();
button.click();
document.body.offsetHeight;
return performance.now() - start;
"""


def two_thousand() -> nn.Module:
    """Blocks of four layers, 500 of them."""
    return nn.Sequential(*(
        nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Dropout())
        for _ in range(500)
    ))  # fmt: skip


def cases() -> dict[str, tuple[Any, dict[str, Any]]]:
    return {
        "two-1x1": ("two-1x1", {"batch_size": 128}),
        "torchvision:resnet50": ("torchvision:resnet50", {"batch_size": 32}),
        "torchvision:densenet201": ("torchvision:densenet201", {"batch_size": 32}),
        "2,000 layers": (two_thousand(), {"input": "16x32x32", "batch_size": 32, "loss": "sum"}),
    }


def browser() -> Any:
    """A chromium of its own profile, offline."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for switch in (*_SWITCHES, f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(switch)
    driver = webdriver.Chrome(
        options=options, service=Service(shutil.which("chromedriver") or "chromedriver")
    )
    driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    return driver


def measure(driver: Any, page: Path, repeats: int) -> tuple[float, float, float, float]:
    """Milliseconds until the page is seen, usable and drawn, and for sorting: medians."""
    rounds = []
    for _ in range(repeats):
        driver.get("about:blank")
        driver.get(page.as_uri())
        while driver.execute_script("return document.documentElement.dataset.charts") != "drawn":
            time.sleep(0.01)
        drawn = driver.execute_script("return performance.getEntriesByName('drawn')[0].startTime")
        seen, usable = driver.execute_script(_TIMES)
        sort = statistics.median(driver.execute_script(_SORT) for _ in range(3))
        rounds.append((seen, usable, drawn, sort))
    return tuple(statistics.median(column) for column in zip(*rounds, strict=True))  # type: ignore[return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, help="Write the table here as well.")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    rows = []
    driver = browser()
    version = driver.capabilities["browserVersion"]
    for name, (model, settings) in cases().items():
        start = time.perf_counter()
        result = nincost.report(model, gpu="rtx4090", suggest=False, measure=False, **settings)
        gathered = time.perf_counter()
        page = folder / f"{len(rows)}.html"
        text = result.to_html(page)
        made = time.perf_counter()
        seen, usable, drawn, sort = measure(driver, page, options.repeats)
        rows.append(
            f"| {name} | {len(result.profile.layers):,} | {len(text.encode()) / 1e6:.2f} MB "
            f"| {gathered - start:.1f} s | {made - gathered:.1f} s | {seen:.0f} ms "
            f"| {usable:.0f} ms | {drawn:.0f} ms | {sort:.0f} ms |"
        )
        print(rows[-1], flush=True)
    driver.quit()
    versions = result.environment
    lines = [
        "# A report's page: its size, and how fast it opens",
        "",
        "Made by `python benchmarks/report_page.py --output reports/report_page.md`: "
        f"nincost {versions['nincost']}, torch {versions['torch']}, Chromium {version} (headless, "
        f"no GPU, no network), {os.cpu_count()} cores of {platform.machine()} "
        f"with a load average of {os.getloadavg()[0]:.0f}, {time.strftime('%Y-%m-%d')}. "
        f"Medians of {options.repeats} openings.",
        "",
        "| model | layers | page | gathered in | rendered in | seen after | usable after "
        "| drawn after | sorted in |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        "Gathered: `nincost.report`, with predictions at several batches for each of seven cards. "
        "Rendered: `to_html`; the first page of a process bundles Vega, which takes most of it. "
        "Seen: first painted. Usable: the table sorts, filters and folds. Drawn: all pictures "
        "are there. Sorted: every row moved and laid out again. The promise is that the table of "
        "2,000 layers is usable, and sorted, within a second.",
    ]
    if options.output:
        options.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
