"""What Chromium loads and when it paints, with an empty cache."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

LCP = """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
  .observe({type: "largest-contentful-paint", buffered: true}))"""


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """A headless Chromium; ends the program where there is none."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is not here. Install it and run this again:\n\n    apt-get install chromium\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", *flags])
        yield browser
        browser.close()


def received(page: Page) -> list[float]:
    """The bytes over the wire of every request that the page finishes from now on."""
    sizes: list[float] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return sizes


def first_view(url: str) -> dict[str, Any]:
    """Kilobytes over the wire with all assets, the largest contentful paint, and requests to other hosts."""
    others: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        sizes = received(page)
        page.on("request", lambda one: others.append(one.url) if urlsplit(one.url).hostname != "127.0.0.1" else None)
        page.goto(url, wait_until="networkidle")
        lcp = page.evaluate(LCP)
    return {
        "first_view_kb": round(sum(sizes) / 1000, 1), "first_view_requests": len(sizes),
        "other_hosts": len([one for one in others if not one.startswith("data:")]), "lcp_ms": round(lcp),
    }  # fmt: skip
