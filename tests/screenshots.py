"""Takes the README's pictures of a running demo: python -m tests.screenshots [ADDRESS [REPORT]].

It has to hold the imported table and at least three models measured on starter@1; Chromium draws them. REPORT is the
link to a shared report of a bake-off: then its picture is taken, and no other.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "static" / "screenshots"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
MEASURED, IMPORTED = "starter@1", "open-llm-leaderboard-v2@1"
PICTURES = (
    ("board-light", "/?suite={measured}&pin={second}&pin={third}", 1280, 700, "light"),
    ("board-filters", "/?suite={imported}&search=qwen+size:<40&licence_family=permissive", 1280, 860, "light"),
    ("compare-light", "/compare?m={first}&m={second}&m={third}&m={last}", 1280, 860, "light"),
    ("model-dark", "/models/Qwen/Qwen2.5-7B-Instruct", 1280, 860, "dark"),
)
REPORT = ("report-light", 1280, 900, "light")


def measured(address: str) -> list[str]:
    """The evaluations on the small suite, one of each model, the best first: s12 and the like."""
    reply = httpx.get(f"{address}/api/v1/leaderboard/", params={"suite": MEASURED}, trust_env=False, timeout=60)
    best: dict[str, str] = {}
    for row in reply.raise_for_status().json()["results"]:
        if row["submission"]:
            best.setdefault(row["model"], f"s{row['submission']}")
    return list(best.values())


def main(arguments: list[str]) -> int:
    address = arguments[0].rstrip("/") if arguments else "http://127.0.0.1:8000"
    program = shutil.which("chromium")
    if program is None:
        print("Chromium is not here: apt-get install chromium", file=sys.stderr)
        return 2
    if len(arguments) > 1:
        with sync_playwright() as playwright:
            name, width, height, theme = REPORT
            browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            return taken(browser, arguments[1], FOLDER / f"{name}.png", width, height, theme)
    rows = measured(address)
    if len(rows) < 3:
        print(f"{address} has {len(rows)} models measured on {MEASURED}; the pictures show three.", file=sys.stderr)
        return 2
    shown = {"first": rows[0], "second": rows[1], "third": rows[2], "last": rows[-1]}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        for name, path, width, height, theme in PICTURES:
            where = address + path.format(measured=MEASURED, imported=IMPORTED, **shown)
            if taken(browser, where, FOLDER / f"{name}.png", width, height, theme):
                return 1
        browser.close()
    return 0


def taken(browser: Browser, where: str, path: Path, width: int, height: int, theme: Any) -> int:
    """One picture; 0, or 1 where the page is not there."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
    reply = page.goto(where)
    if reply is None or not reply.ok:
        print(f"{where} answered {reply.status if reply else 'nothing'}.", file=sys.stderr)
        return 1
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path)
    page.close()
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
