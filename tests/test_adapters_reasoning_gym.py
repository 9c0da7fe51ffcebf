"""Our questions as reasoning-gym's data sets, created, scored and made harder by reasoning-gym itself."""

import pytest

from algorism.adapters import DEFINITIONS, definition
from algorism.errors import UsageError

gym = pytest.importorskip("reasoning_gym")
import algorism.adapters.reasoning_gym_datasets as ours  # noqa: E402  # registers; needs the library


def test_every_definition_is_registered_and_items_are_scored_exactly():
    for name, row in DEFINITIONS.items():
        data = gym.create_dataset(f"algorism/{name}", size=5, seed=7)
        for item in data:
            assert data.score_answer(item["answer"], item) == 1.0
            assert data.score_answer(f"The answer is {item['answer']}.", item) == 1.0
            assert data.score_answer("1" + item["answer"], item) == 0.0
            assert data.score_answer(None, item) == data.score_answer("", item) == 0.0
            low, high = item["metadata"]["difficulty"]["digits"]
            assert row.shortest <= low <= item["metadata"]["digits"] <= high <= row.usual
    assert gym.get_score_answer_fn("algorism/addition")("7", {"answer": "7"}) == 1.0


def test_nothing_is_worth_a_part():
    data = gym.create_dataset("algorism/addition", size=1, seed=0)
    entry = {"answer": "12"}
    assert data.score_answer("112", entry) == 0.0  # the library's own default gives 0.67
    strict = gym.create_dataset("algorism/addition", size=1, seed=0, level="strict")
    assert (strict.score_answer("It is 12", entry), strict.score_answer("12", entry)) == (0.0, 1.0)


def test_seeds_share_no_items_and_repeat_themselves():
    one, again, other = (
        gym.create_dataset("algorism/multiplication", size=200, seed=s, min_digits=4, max_digits=6) for s in (1, 1, 2)
    )
    assert list(one) == list(again)
    assert not {item["question"] for item in one} & {item["question"] for item in other}
    assert {item["metadata"]["digits"] for item in one} == {4, 5, 6}


def test_questions_are_those_of_the_definition():
    item = gym.create_dataset("algorism/addition", size=9, seed=5, min_digits=3, max_digits=3, bare=True)[8]
    asked = definition("addition").question(8, digits=3, seed=5, bare=True)
    assert (item["question"], item["answer"]) == (asked.prompt, asked.gold)


def test_a_curriculum_grows_longer():
    from reasoning_gym.factory import create_curriculum

    curriculum = create_curriculum("algorism/add-integer")
    first = curriculum.generate_configuration({"size": 4, "seed": 1})
    assert (first.min_digits, first.max_digits) == (1, 1)
    for _ in range(3):
        curriculum.increment_attr_level("digits")
    later = curriculum.generate_configuration({"size": 50, "seed": 1})
    assert (later.min_digits, later.max_digits) == (1, ours.STEPS[3])
    sizes = {item["metadata"]["digits"] for item in gym.create_dataset("algorism/add-integer", **vars(later))}
    assert sizes == {1, 2, 3, 4}


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UsageError, match="min_digits <= max_digits"):
        gym.create_dataset("algorism/addition", min_digits=5, max_digits=4)
    with pytest.raises(UsageError, match="digits from 1 to 20"):
        gym.create_dataset("algorism/add-float", max_digits=21)
