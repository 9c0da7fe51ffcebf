"""Chains: what a rule does to a problem, line by line, recorded while the rule really runs."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from types import FrameType
from typing import Any

from algorism.errors import UsageError, nearest
from algorism.evaluation.questions import Question
from algorism.evaluation.suites.nupa import KINDS
from algorism.evaluation.suites.rules.rules import RULES, Rule
from algorism.tasks.numeracy import Item, combination, write

MARKER = "So the answer is"
ASK = (
    "Follow the rule line by line. Write every line that is executed, in order, and behind it, after #, the new value "
    f"of everything that the line sets. Then write '{MARKER}' and the answer."
)


@dataclass(frozen=True)
class Step:
    """One executed line.

    Attributes:
        code: the line of the rule.
        values: (name, value as Python writes it) of all that the line sets; the name is "" for what is returned.
    """

    code: str
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Write "carry = total // 10  # carry = 1"."""
        said = ", ".join(f"{name} = {value}" if name else value for name, value in self.values)
        return f"{self.code}  # {said}" if said else self.code


@dataclass(frozen=True)
class Problem:
    """A rule and what it is applied to.

    Args:
        name: of the combination, a key of RULES.
        operands: as texts, in canonical form.

    Raises:
        UsageError: there is no such rule.

    >>> problem = Problem("length-integer", ("7",))
    >>> print(chain(problem))
    def length(a: str) -> str:  # a = '7'
    count = 0  # count = 0
    while a:
    a = a[1:]  # a = ''
    count = count + 1  # count = 1
    while a:
    return str(count)  # '1'
    So the answer is 1
    """

    name: str
    operands: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse unknown rules."""
        if self.name not in RULES:
            raise UsageError(f"There is no rule for {self.name!r}. {nearest(self.name, RULES)}")

    @property
    def rule(self) -> Rule:
        """The rule."""
        return RULES[self.name]

    @cached_property
    def _run(self) -> tuple[tuple[Step, ...], str]:
        return run(self.rule.function, self.operands)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All executed lines, from the call to the return."""
        return self._run[0]

    @property
    def answer(self) -> str:
        """What the rule returns."""
        return self._run[1]


def run(function: Callable[..., str], operands: Sequence[str]) -> tuple[tuple[Step, ...], str]:
    """Run a rule and record each line that is executed.

    Args:
        function: of `rules`, or any other with one statement a line that calls only built-in functions.
        operands: its arguments.

    Returns:
        The steps, and what it returned.
    """
    lines = _lines(function)
    seen: list[tuple[int, dict[str, Any]]] = []

    def inside(frame: FrameType, event: str, result: Any) -> Any:
        if event in ("line", "return"):
            seen.append((frame.f_lineno, dict(frame.f_locals)))
        return inside

    def entered(frame: FrameType, event: str, result: Any) -> Any:
        return inside if frame.f_code is function.__code__ else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        answer = function(*operands)
    finally:
        sys.settrace(before)
    first, names = lines[0]
    steps = [Step(first, tuple((name, repr(text)) for name, text in zip(names, operands, strict=True)))]
    # What a line sets is seen when the next one begins.
    for (line, _), (_, after) in pairwise(seen):
        code, names = lines[line - function.__code__.co_firstlineno]
        steps.append(Step(code, tuple((name, repr(after[name]) if name else repr(answer)) for name in names)))
    return tuple(steps), answer


@cache
def _lines(function: Callable[..., str]) -> dict[int, tuple[str, tuple[str, ...]]]:
    """Line, counted from the head → its text and the names it sets; "" stands for what is returned."""
    source = inspect.getsource(function)
    text = source.splitlines()
    (definition,) = ast.parse(source).body
    found: dict[int, tuple[str, tuple[str, ...]]] = {}
    for node in ast.walk(definition):
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args]
        elif isinstance(node, ast.Assign):
            names = [n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        elif isinstance(node, ast.Return):
            names = [""]
        elif isinstance(node, ast.While | ast.If):
            names = []
        else:
            continue
        found[node.lineno - 1] = (text[node.lineno - 1].strip(), tuple(names))
    return found


def chain(problem: Problem) -> str:
    """The whole chain, one executed line a line, and the answer."""
    return "\n".join([*map(str, problem.steps), f"{MARKER} {problem.answer}"])


def problem(item: Item) -> Problem:
    """A question of the cookbook as a problem for its rule.

    >>> problem(combination("add-integer").item(2, 0)).answer == combination("add-integer").item(2, 0).answer
    True
    """
    return Problem(item.combination.name, tuple(write(value) for value in item.operands))


def question(item: Item, seed: int = 0) -> Question:
    """A question of the cookbook to be answered by its rule, with the chain of a short problem as an example."""
    asked, row = problem(item), item.combination
    example = row.item(max(2, row.shortest), 0, seed=-1)
    shown = f"{asked.rule.text}\n\n{example.body}\n{chain(problem(example))}\n\n{item.body}\n"
    facts = {"suite": "rules", "combination": row.name, "length": item.length, "operands": list(asked.operands)}
    key = f"rules/{seed}/{row.name}/{item.length}/{item.index}"
    return Question(key, f"{ASK}\n\n{shown}", item.answer, KINDS[row.answer], MARKER, facts)


def questions(
    names: Iterable[str] = RULES, lengths: Sequence[int] | None = None, n: int = 10, seed: int = 0
) -> list[Question]:
    """So many questions of each rule and length.

    Args:
        names: keys of RULES.
        lengths: those wanted; up to the rule's longest. All by default.
        n: of each.
        seed: of the set.

    >>> len(questions(["add-integer", "floordiv-integer"], lengths=[3, 9], n=2))
    6
    """
    found = []
    for name in names:
        row = combination(name)
        for length in lengths or range(row.shortest, RULES[name].longest + 1):
            if row.shortest <= length <= RULES[name].longest:
                found += [question(item, seed) for item in row.items(length, n, seed)]
    return found


def problem_of(asked: Question) -> Problem:
    """The problem behind a question."""
    return Problem(asked.facts["combination"], tuple(asked.facts["operands"]))
