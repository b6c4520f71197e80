import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from evaluator import run, supervisor
from evaluator.contract import ModelRef, Settings
from evaluator.engines import environment
from evaluator.planner import Plan
from evaluator.supervisor import Died, Stopped, supervise
from tests.conftest import suite_spec
from tests.environment import ROOT

CHILD = "tests.evaluator.fake_child"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)


def spec(what: str) -> run.RunSpec:
    suite = replace(suite_spec(), description=what)
    return run.RunSpec(model=ModelRef(name="o/m", sha="a" * 40), model_path="/", suite=suite, settings=Settings())


def go(folder: Path, what: str, seen: list[run.Progress] | None = None) -> run.Outcome:
    watch = seen.append if seen is not None else (lambda _: None)
    return supervise(folder, spec(what), working_folder=folder, watch=watch, module=CHILD)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_child_that_succeeds_has_an_outcome(tmp_path: Path) -> None:
    outcome = go(tmp_path, "succeed")
    assert [task.score for task in outcome.tasks] == [0.5, 0.5]
    assert "the child has started" in run.log_tail(tmp_path, limit=1000)


def test_a_failure_is_told_in_the_childs_own_words(tmp_path: Path) -> None:
    with pytest.raises(Died) as death:
        go(tmp_path, "fail")
    assert (death.value.code, death.value.message, death.value.retry) == (
        "engine_load_failed",
        "It cannot be loaded.",
        False,
    )


def test_a_crash_is_final_and_brings_the_last_lines(tmp_path: Path) -> None:
    with pytest.raises(Died) as death:
        go(tmp_path, "crash")
    assert (death.value.code, death.value.retry) == ("child_died", False)
    assert "exit status 7" in death.value.message
    assert "the last words" in death.value.message


def test_a_child_killed_from_outside_is_worth_another_attempt(tmp_path: Path) -> None:
    with pytest.raises(Died) as death:
        go(tmp_path, "killed")
    assert (death.value.code, death.value.retry) == ("child_killed", True)


def test_an_engine_that_runs_out_of_memory_is_started_once_more_with_less(tmp_path: Path) -> None:
    less = Plan(max_num_seqs=8, reasons=("The engine ran out of memory and was started again with less: ...",))
    outcome = supervise(
        tmp_path, replace(spec("run out at first"), fallback=less), working_folder=tmp_path, watch=lambda _: None,
        module=CHILD,
    )  # fmt: skip
    assert outcome.provenance["plan"]["max_num_seqs"] == 8
    assert outcome.provenance["plan"]["reasons"] == list(less.reasons)
    assert run.read_failure(tmp_path) is None
    assert run.log_tail(tmp_path, limit=1000).count("the child has started") == 2


def test_one_that_runs_out_again_is_for_a_larger_host(tmp_path: Path) -> None:
    wanted = replace(spec("run out always"), fallback=Plan(reasons=("less",)))
    with pytest.raises(Died) as death:
        supervise(tmp_path, wanted, working_folder=tmp_path, watch=lambda _: None, module=CHILD)
    assert (death.value.code, death.value.retry) == ("out_of_memory", True)
    assert death.value.message == "The engine ran out of memory."
    assert run.log_tail(tmp_path, limit=1000).count("the child has started") == 2


def test_the_cache_on_cpu_is_as_planned_unless_the_operator_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_CPU_KVCACHE_SPACE", raising=False)
    assert environment.for_child(cache_bytes=3 * 2**30)["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment.for_child(cache_bytes=0)
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "7")
    assert environment.for_child(cache_bytes=3 * 2**30)["VLLM_CPU_KVCACHE_SPACE"] == "7"


def test_stopping_ends_the_child_and_what_it_started(tmp_path: Path) -> None:
    def watch(_: run.Progress) -> None:
        if (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text():
            raise Stopped

    with pytest.raises(Stopped):
        supervise(tmp_path, spec("hang"), working_folder=tmp_path, watch=watch, module=CHILD)
    deadline = time.monotonic() + 5  # a killed process is gone a moment after the signal
    while alive(int((tmp_path / "grandchild").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_supervisor_killed_without_warning_leaves_nothing_behind(tmp_path: Path) -> None:
    run.write(tmp_path, "wanted.json", spec("hang"))
    program = (
        "import sys; from pathlib import Path; from evaluator import run; from evaluator.contract import decode;"
        "from evaluator.supervisor import supervise; folder = Path(sys.argv[1]);"
        "spec = decode((folder / 'wanted.json').read_bytes(), run.RunSpec);"
        f"supervise(folder, spec, working_folder=folder, watch=lambda _: None, module={CHILD!r})"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT)
    grandchild = tmp_path / "grandchild"
    deadline = time.monotonic() + 20
    while not grandchild.exists() or not grandchild.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    pid = int(grandchild.read_text())
    while alive(pid):
        assert time.monotonic() < deadline, "the engine's own process outlived its supervisor"
        time.sleep(0.05)


SECRETS = [
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN"),
    *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "WANDB_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG"),
    *("DATABASE_URL", "REDIS_URL", "PGPASSWORD", "SSH_AUTH_SOCK", "PIP_INDEX_URL", "HTTPS_PROXY", "SOME_OPERATORS_OWN"),
    *("PARITY_WORKER_TOKEN", "PARITY_SECRET_KEY", "PARITY_URL", "PARITY_STATE", "PARITY_ANYTHING"),
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_TOKEN", "VLLM_API_KEY", "RAY_AUTH_TOKEN", "RAY_REDIS_PASSWORD"),
]
WANTED = [
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
    *("VLLM_CPU_KVCACHE_SPACE", "HF_HOME", "HF_HUB_OFFLINE", "HF_DATASETS_CACHE", "TRANSFORMERS_CACHE", "TORCH_HOME"),
    *("TORCHDYNAMO_DISABLE", "PYTORCH_CUDA_ALLOC_CONF", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NCCL_DEBUG"),
    *("RAY_ADDRESS", "XDG_CACHE_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PYTHONPATH"),
]


def test_the_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Asked of a real child, not of the function that makes its environment."""
    for name in SECRETS:
        monkeypatch.setenv(name, "canary")
    go(tmp_path, "show the environment")
    shown = (tmp_path / "environment").read_text()
    assert "canary" not in shown
    assert "PATH=" in shown


@pytest.mark.parametrize("name", WANTED)
def test_the_child_sees_what_engines_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "7")
    assert environment.for_child()[name] == "7"


def test_an_operator_may_name_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_CHILD_ENV", "HTTPS_PROXY, NO_PROXY,HF_TOKEN,PARITY_WORKER_TOKEN,DATABASE_URL")
    for name in ("HTTPS_PROXY", "HF_TOKEN", "PARITY_WORKER_TOKEN", "DATABASE_URL", "HTTP_PROXY"):
        monkeypatch.setenv(name, "canary")
    assert [name for name, value in environment.for_child().items() if value == "canary"] == ["HTTPS_PROXY"]


def test_the_cores_are_those_that_this_process_may_use() -> None:
    assert environment.cores() == ",".join(map(str, sorted(os.sched_getaffinity(0))))


def test_a_host_without_a_compiler_is_not_asked_to_compile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TORCHDYNAMO_DISABLE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.for_child()["TORCHDYNAMO_DISABLE"] == "1"
    (tmp_path / "g++").touch(mode=0o755)
    assert "TORCHDYNAMO_DISABLE" not in environment.for_child()


def test_of_a_bar_that_was_drawn_over_and_over_the_last_one_is_in_the_log(tmp_path: Path) -> None:
    (tmp_path / run.LOG).write_bytes(b"begun\r\n\rTokenizing: 0%\rTokenizing: 100%\nended\n\rLoading: 3%")
    assert run.log_tail(tmp_path, limit=1000) == "begun\nTokenizing: 100%\nended\nLoading: 3%"


def test_a_long_log_is_cut_at_a_line(tmp_path: Path) -> None:
    (tmp_path / run.LOG).write_text("".join(f"line {number}\n" for number in range(1000)))
    tail = run.log_tail(tmp_path, limit=100)
    assert tail.startswith("line ")
    assert tail.endswith("line 999\n")
    assert len(tail) <= 100
