"""Takes the README's pictures of a running demo: python -m tests.screenshots [ADDRESS].

It has to hold the imported table and some measured models; Chromium draws them.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parents[1] / "static" / "screenshots"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
IMPORTED = "open-llm-leaderboard-v2@1"
PICTURES = (
    ("board-light", "/?suite=starter@1", 1280, 720, "light"),
    ("board-dark", "/?suite=starter@1", 1280, 720, "dark"),
    ("board-filters", f"/?suite={IMPORTED}&search=qwen+size:<40&licence_family=permissive", 1280, 860, "light"),
    ("model-light", "/models/Qwen/Qwen2.5-7B-Instruct", 1280, 860, "light"),
)


def main(arguments: list[str]) -> int:
    address = arguments[0].rstrip("/") if arguments else "http://127.0.0.1:8000"
    program = shutil.which("chromium")
    if program is None:
        print("Chromium is not here: apt-get install chromium", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        for name, path, width, height, theme in PICTURES:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            reply = page.goto(address + path)
            if reply is None or not reply.ok:
                print(f"{address}{path} answered {reply.status if reply else 'nothing'}.", file=sys.stderr)
                return 1
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}.png")
            print(FOLDER / f"{name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
