import pytest
from tqdm import std

from evaluator.cli import run
from evaluator.run import Progress


def test_a_log_is_not_filled_with_bars(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(std, "time", iter(map(float, range(1_000))).__next__)  # a second a look
    with run.ProgressBar() as bar:
        for done in range(200):
            bar.show(Progress(phase="evaluating", done=done, total=200))
    drawn = capsys.readouterr().err
    assert "evaluating: 100%" in drawn or "evaluating:  99%" in drawn
    assert 3 < drawn.count("\r") < 20
