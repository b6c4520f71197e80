import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError
from lm_eval import utils

from evaluator.engines import templates


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "env", utils.env)  # put back after the test
    templates.install()


def test_templates_render_as_before() -> None:
    doc = {"question": "2+2?", "choices": ["3", "4"], "answer": 1}
    assert utils.apply_template("Q: {{question}}\nA: {{choices[answer]}}\n", doc) == "Q: 2+2?\nA: 4\n"
    assert utils.apply_template("{{'a-b' | regex_replace('-', '+')}}", {}) == "a+b"
    assert utils.apply_template("{{'%s' | format(question.strip())}}", doc) == "2+2?"
    with pytest.raises(UndefinedError):
        utils.apply_template("{{missing}}", doc)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ lipsum.__globals__['os'].system('id') }}",
        "{{ '{0.__class__.__mro__}'.format(question) }}",
        "{{ question.__class__.__base__ }}",
    ],
)
def test_templates_reach_nothing(template: str) -> None:
    with pytest.raises((SecurityError, UndefinedError)):
        utils.apply_template(template, {"question": "x"})
