"""What Chromium loads and when it paints, with an empty cache."""

import shutil
import sys
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

LCP = """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
  .observe({type: "largest-contentful-paint", buffered: true}))"""


def first_view(url: str) -> dict[str, Any]:
    """Kilobytes over the wire with all assets, the largest contentful paint, and requests to other hosts."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("Chromium is not here. Install it and run this again:\n\n    apt-get install chromium\n")
    sizes: list[float] = []
    others: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        page.on("request", lambda one: others.append(one.url) if urlsplit(one.url).hostname != "127.0.0.1" else None)
        page.goto(url, wait_until="networkidle")
        lcp = page.evaluate(LCP)
        browser.close()
    return {
        "first_view_kb": round(sum(sizes) / 1000, 1), "first_view_requests": len(sizes),
        "other_hosts": len([one for one in others if not one.startswith("data:")]), "lcp_ms": round(lcp),
    }  # fmt: skip
