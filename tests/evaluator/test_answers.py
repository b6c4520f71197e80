"""Answers as models write them: read where one is there, and only there."""

import pytest

from evaluator import answers

CITIES = {"A": "Paris", "B": "London", "C": "Rome", "D": "A city in Spain"}
LONG = "Let's see. Paris (A) is in France, and B would be wrong if the king lived in Rome.\n\n"

LETTERS = [
    ("Answer: B", "B"),
    ("**Answer:** B", "B"),
    ("**Answer: B**", "B"),
    ("Answer: **B** (London)", "B"),
    ("Answer: (B)", "B"),
    ("Answer: B.", "B"),
    ("Answer: B) London", "B"),
    ("Answer: B. London", "B"),
    ("ANSWER: B", "B"),
    ("Answer - B", "B"),
    ("answer: b", "B"),
    ("Answer: option B", "B"),
    ("Answer: The correct option B, since the others are on the continent.", "B"),
    ("Answer: A because it is the capital", "A"),
    ("The answer is B.", "B"),
    ("The correct answer is (B) London.", "B"),
    ("The answer is: B", "B"),
    ("The answer is **B**. I hope this answer helps!", "B"),
    (LONG + "So the final answer is B.", "B"),
    (LONG + "Answer: B", "B"),
    ("### Final Answer\n\nB", "B"),
    ("**Final Answer**\n\n(B) London", "B"),
    ("Answer:\nB", "B"),
    ("Answer: $\\boxed{B}$", "B"),
    ("\\[\n\\boxed{\\text{B}}\n\\]", "B"),
    ("The capital is $\\boxed{B}$.", "B"),
    ("Answer: London", "B"),
    ("Answer: london.", "B"),
    ("Answer: A city in Spain", "D"),
    ("B", "B"),
    ("B.", "B"),
    ("(B)", "B"),
    ("**B**", "B"),
    ("B) London", "B"),
    ("B: London is the capital.\nParis and Rome are not.", "B"),
    ("The king lives in London.\nThe correct option is (B).", "B"),
    ("Option B is correct.", "B"),
    ("My answer: B\n\nExplanation: London is where the king lives. A is in France.", "B"),
    ("<think>The answer is A? No, A is in France.</think>\n\nAnswer: B", "B"),
    ("First I thought that the answer is A. On reflection:\nAnswer: B", "B"),
    ("", None),
    ("I cannot answer this question.", None),
    ("The answer cannot be determined.", None),
    ("Answer: A or B", None),
    ("Answer: (A) and (B)", None),
    ("Answer: E", None),
    ("A city is a large settlement.", None),
    ("Paris is a fine place, and so is London", None),
    ("Option A is as good as option B.", None),
    ("Let us go through the options one by one. The first one is", None),
]

NUMBERS = [
    ("Answer: 18", "18"),
    ("Answer: $18", "18"),
    ("Answer: 18 dollars a day for 7 days", "18"),
    ("Answer: 1,234", "1234"),
    ("Answer: 10,000,000.", "10000000"),
    ("Answer: 18.00", "18"),
    ("Answer: 18.5", "18.5"),
    ("Answer: .5", "0.5"),
    ("Answer: 0", "0"),
    ("Answer: -5", "-5"),
    ("Answer: −5", "-5"),
    ("Answer: 50%", "50"),
    ("Answer: 3 + 4 = 7", "7"),
    ("Answer: x = 7", "7"),
    ("**Answer: 18**", "18"),
    ("Answer: \\boxed{1{,}234}", "1234"),
    ("So $9 \\times 2 = \\boxed{18}$ dollars.", "18"),
    ("She sells 9 eggs.\n#### 18", "18"),
    ("The final answer is 18. There are 7 days in a week.", "18"),
    ("Answer:\n18", "18"),
    ("Answer: 18\n\nNote that there are 7 days in a week.", "18"),
    ("She makes 9 * $2 = $18 every day.", "18"),
    ("16 - 3 - 4 = 9 eggs.\n9 * 2 = 18", "18"),
    ("</think>18", "18"),
    ("", None),
    ("I do not know.", None),
    ("There are 16 eggs.\nBut it is not said what they cost.", None),
    ("Answer: eighteen", None),
]

WORDS = [
    ("Answer: True", "true"),
    ("Answer: **False**", "false"),
    ("( False ) or True is true.", None),
    ("not ( True ) is False, so\nthe result is False.", "false"),
    ("The answer is True.", "true"),
    ("True", "true"),
    ("Answer: True or False", None),
    ("Answer: not True", None),
    ("I cannot say", None),
]


@pytest.mark.parametrize(("text", "answer"), LETTERS)
def test_letters(text: str, answer: str | None) -> None:
    assert answers.letter(text, CITIES) == answer


@pytest.mark.parametrize(("text", "answer"), NUMBERS)
def test_numbers(text: str, answer: str | None) -> None:
    assert answers.number(text) == answer


@pytest.mark.parametrize(("text", "answer"), WORDS)
def test_one_of_a_few_words(text: str, answer: str | None) -> None:
    assert answers.word(text, ("True", "False")) == answer


def test_yes_no_and_valid() -> None:
    assert answers.word("Answer: No, you do not return.", ("Yes", "No")) == "no"
    assert answers.word("Answer: invalid", ("valid", "invalid")) == "invalid"
    assert answers.word("The argument is deductively valid.", ("valid", "invalid")) == "valid"
    assert answers.word("The argument is not valid.", ("valid", "invalid")) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: apple it&t zoo", "apple it&t zoo"),
        ("Answer: Apple, IT&T, zoo.", "apple it&t zoo"),
        ("**Answer:** apple it&t zoo\n\nThese are sorted.", "apple it&t zoo"),
        ("Answer:\n1. apple\n2. it&t\n3. zoo", "apple it&t zoo"),
        ("Answer:\n- apple\n- it&t\n- zoo", "apple it&t zoo"),
        ("First apple, then zoo", None),
    ],
)
def test_sorted_words(text: str, answer: str | None) -> None:
    assert answers.words(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: ] }", "] }"),
        ("Answer: ]}", "] }"),
        ("The stack is [ {.\nAnswer: `} ]`", "} ]"),
        ("Answer: \\boxed{] )}", "] )"),
        ("] >", "] >"),
        ("Nothing is open.", None),
    ],
)
def test_brackets(text: str, answer: str | None) -> None:
    assert answers.brackets(text) == answer
