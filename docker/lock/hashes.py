"""Write the digests of every file of each locked package beside the lists, so that pip installs these and no others.

    make lock             runs it after resolve.py; needs `uv`, which asks the index that pip is configured with

hashed/NAME holds what NAME holds, less UNHASHED: those are installed by their version. Nothing is resolved anew.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LISTS = ("site.txt", "worker-cpu.txt", "dev.txt")
UNHASHED = {
    # Its CPU build is another file on each index that has one.
    "torch",
}
INDEX = ("index-url", "extra-index-url")


def index() -> list[str]:
    """What pip is told of indexes, for uv; nothing where pip is told nothing."""
    options: list[str] = []
    for name in INDEX:
        command = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for url in said.split():
            if url.startswith("https://"):
                options += [f"--{name}", url]
    return options


def hashed(lines: list[str]) -> str:
    """The same lines with the digests of all files; `lines` are pins."""
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.txt", Path(folder) / "made.txt"
        given.write_text("\n".join(lines) + "\n")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-deps"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-strip-markers", "--no-emit-index-url"]
        command += ["--python-version", "3.11", *index(), "--output-file", str(made), str(given)]
        subprocess.run(command, check=True)
        return made.read_text()


def pins(text: str) -> set[str]:
    """name==version of every line that is one."""
    return set(re.findall(r"^([\w.-]+==[^\s;]+)", text, re.M))


def main() -> None:
    (HERE / "hashed").mkdir(exist_ok=True)
    for name in LISTS:
        listed = (HERE / name).read_text()
        lines = [line for line in listed.splitlines() if "==" in line and line.partition("==")[0] not in UNHASHED]
        text = hashed(lines)
        if pins(text) != pins("\n".join(lines)):
            sys.exit(f"{name}: the digests are of other packages: {pins(text) ^ pins(chr(10).join(lines))}")
        header = f"# Written by docker/lock/hashes.py (make lock), of the versions in {name}.\n"
        (HERE / "hashed" / name).write_text(header + text)
        print(f"hashed/{name}: {len(pins(text))} packages")


if __name__ == "__main__":
    main()
