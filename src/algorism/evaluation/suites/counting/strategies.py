"""How a counting question is asked, and how its responses become one answer (arXiv 2410.14166, section 6 and app. D).

The paper prints no wording for reasoning, refining and programs; the words here are ours. Its tree of thoughts, whose
search is not described either, is left out.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from algorism.errors import UsageError, nearest
from algorism.evaluation.backends.protocol import Sampling
from algorism.evaluation.questions import Question
from algorism.evaluation.sandbox import Limits, run_program
from algorism.evaluation.suites.counting.reading import MARKER
from algorism.evaluation.suites.counting.tasks import TASKS, Answers, Item, word_task

_DIRECT: Mapping[Answers, str] = {
    "number": " Directly answer the number.",
    "yes or no": " Directly answer Yes or No.",
}
_REASON: Mapping[Answers, str] = {
    "number": (
        "\nLet's think step by step. First give your reasoning after 'Reasoning:' and then only the final number after "
        f"'{MARKER}'."
    ),
    "yes or no": (
        "\nLet's think step by step. First give your reasoning after 'Reasoning:' and then only Yes or No after "
        f"'{MARKER}'."
    ),
}
_PROGRAM = (
    "\nWrite a Python program that computes the answer and prints it, and nothing else. Give only the program, between "
    "```python and ```."
)
FEEDBACK = "Check the answer above: go through the word letter by letter and say what is wrong, if anything is."
REFINE: Mapping[Answers, str] = {
    "number": f"Now give the final answer, in the light of this: only the number after '{MARKER}'.",
    "yes or no": f"Now give the final answer, in the light of this: only Yes or No after '{MARKER}'.",
}

GREEDY = Sampling(max_tokens=256)
DRAWN = Sampling(max_tokens=256, temperature=0.7)  # the paper also keeps the 40 likeliest tokens only


@dataclass(frozen=True)
class Strategy:
    """A way of asking.

    Attributes:
        about: for tables and help.
        suffix: what is added to the question, by what is answered.
        samples: answers that vote.
        sampling: how they are drawn.
        turns: whether feedback and refinement follow.
        program: whether the response is a program, whose output is the answer.
    """

    about: str
    suffix: Mapping[Answers, str]
    samples: int = 1
    sampling: Sampling = GREEDY
    turns: bool = False
    program: bool = False


_NOTHING: Mapping[Answers, str] = {"number": "", "yes or no": ""}
STRATEGIES: dict[str, Strategy] = {
    "open": Strategy("the bare question", _NOTHING),
    "direct": Strategy("asked for the answer alone", _DIRECT),
    "reasoning": Strategy("asked to reason first", _REASON),
    "consistency": Strategy("five reasonings vote", _REASON, samples=5, sampling=DRAWN),
    "refine": Strategy("reasons, criticises itself, answers again", _REASON, turns=True),
    "program": Strategy("writes a program, which is run", dict.fromkeys(_NOTHING, _PROGRAM), program=True),
}


def strategy(name: str) -> Strategy:
    """The strategy of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in STRATEGIES:
        raise UsageError(f"There is no strategy {name!r}. {nearest(name, STRATEGIES)}")
    return STRATEGIES[name]


def question(asked: Item, how: str = "open", seed: int = 0, subset: str = "words") -> Question:
    """An item as a question, asked in one way.

    Args:
        asked: the item.
        how: of STRATEGIES.
        seed: of the set, for the key.
        subset: which words these are, for the key and the tables: "words", "balanced", ...

    >>> from algorism.evaluation.suites.counting.tasks import item
    >>> question(item("length", "berry", 3), "direct").prompt
    'How many characters in the word "berry"? Directly answer the number.'
    """
    task = TASKS[asked.task]
    bare = asked.written.bare
    facts = {
        "suite": "counting",
        "task": asked.task,
        "strategy": how,
        "subset": subset,
        "rewrite": asked.rewrite,
        "template": asked.template,
        "length": len(bare),
        "distinct": len(set(bare)),
        "index": asked.index,
    }
    key = f"counting/{seed}/{subset}/{asked.task}/{asked.rewrite}/{asked.template}/{asked.index}/{how}"
    suffix = strategy(how).suffix[task.answers]
    return Question(key, asked.text + suffix, asked.gold, "integer", MARKER, facts)


def questions(asked: Iterable[Item], ways: Sequence[str], seed: int = 0, subset: str = "words") -> list[Question]:
    """All items asked in several ways."""
    made = list(asked)
    return [question(one, how, seed, subset) for how in ways for one in made]


def refinement(task: str) -> tuple[str, str]:
    """What is said in the second and the third turn of self-refinement."""
    return FEEDBACK, REFINE[word_task(task).answers]


_BLOCK = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def program_in(response: str) -> str:
    r"""The program of a response: its last fenced block, or all of it.

    >>> program_in("Here: ```python\nprint(2)\n``` Done.")
    'print(2)\n'
    """
    blocks = _BLOCK.findall(response)
    return str(blocks[-1]) if blocks else response


@lru_cache(maxsize=4096)
def program_output(response: str) -> str:
    """What the program of a response prints when it is run without files, network or other processes; "" if it fails.

    Raises:
        AlgorismError: this system cannot confine a process.

    >>> program_output("print('strawberry'.count('r'))").strip()
    '3'
    """
    outcome = run_program(program_in(response), Limits(seconds=2, memory_mb=256, output=10_000))
    return outcome.output if outcome.end == "finished" else ""
