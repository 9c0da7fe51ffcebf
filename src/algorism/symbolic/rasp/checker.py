"""Says why a program is not RASP-L.

RASP-L keeps what a transformer learns easily: int8 tokens, no floats, and positions that are only compared in order,
moved by a constant, or used to fetch a value. Source: What Algorithms can Transformers Learn? (arXiv 2310.16028),
section 3 and Appendix C; there the authors leave open which restrictions of positions are exactly right.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import UsageError
from .domains import domains, selects_one
from .functions import ADD, Role, always
from .graph import Aggregate, Full, Map, Node, Selection, Seq, Width, ordered
from .interpreter import LARGEST, SMALLEST
from .kinds import Kind, kinds

ALLOWED = "RASP-L allows positions only to be compared in order, moved by a constant, or used to fetch a value"


@dataclass(frozen=True)
class Finding:
    """A part of a program that RASP-L does not allow.

    Attributes:
        node: the part.
        message: a sentence that says why.
    """

    node: Node
    message: str


def check(program: Seq, vocab: Iterable[int] | None = None, longest: int = 64) -> list[Finding]:
    """Find what keeps a program from being RASP-L; nothing found means that it is.

    Args:
        program: its output sequence.
        vocab: every token that may occur; with it, values that cannot be int8 are found too. They are searched in all
            combinations of values, so a branch that is never taken is found as well.
        longest: most positions, for counts.

    >>> from algorism.symbolic.rasp import indices, tokens
    >>> print(check(indices(tokens()) * 2)[0].message)
    positions are multiplied in "indices * 2"; RASP-L allows positions only to be compared in order, moved by a \
constant, or used to fetch a value.
    """
    kind = kinds(program)
    found: list[Finding] = []
    for node in ordered(program):
        reason = None
        match node:
            case Map():
                reason = _map(node, [kind[arg] for arg in node.args])
            case Selection():
                reason = _selection(node, kind[node.key], kind[node.query])
            case Aggregate():
                reason = _aggregate(node, kind[node.values])
        if reason:
            found.append(Finding(node, reason))
    return found if vocab is None else found + _ranges(program, kind, list(vocab), longest)


def _map(node: Map, given: list[Kind]) -> str | None:
    function, where = node.function, f'in "{node}"'
    if Kind.INDEX not in given:
        return None
    if function.role is Role.ORDER:
        if Kind.TOKEN in given:
            return f"a position is compared with a token {where}; RASP-L allows order comparisons between positions."
        return None
    if function.role is Role.MOVE:
        moved = Kind.CONSTANT in given and (function is ADD or given[0] is Kind.INDEX)
        if moved:
            return None
        return f"a position is {'added' if function is ADD else 'subtracted'} {where}; {ALLOWED}."
    if function.role is Role.CHOOSE:
        if given[0] is Kind.INDEX:
            return f"a position is used as a condition {where}; compare it with a position first."
        return (
            f"a position and a token are mixed {where}; choose between two of a kind."
            if given[1:].count(Kind.TOKEN)
            else None
        )
    verb = {"*": "multiplied", "%": "divided"}.get(function.name, f"given to {function.name}")
    return f"positions are {verb} {where}; {ALLOWED}."


def _selection(node: Selection, key: Kind, query: Kind) -> str | None:
    given = {key, query}
    if Kind.INDEX not in given or node.predicate is always:
        return None
    if not node.predicate.ordered:
        return f'positions meet the predicate {node.predicate.name} in "{node}"; {ALLOWED}.'
    if Kind.TOKEN in given:
        return f'a position is compared with a token in "{node}"; {ALLOWED}.'
    return None


def _aggregate(node: Aggregate, values: Kind) -> str | None:
    if values is Kind.INDEX and node.reduction == "mean" and not selects_one(node.selection):
        return f'the mean of several positions is taken in "{node}"; use "min" or "max".'
    return None


def _ranges(program: Seq, kind: dict[Node, Kind], vocab: list[int], longest: int) -> list[Finding]:
    try:
        values = domains(program, vocab, longest)
    except UsageError as error:  # a float, or a function that fails: the message names it
        return [Finding(program, str(error))]
    found = []
    for node in ordered(program):
        if isinstance(node, Selection) or kind[node] is Kind.INDEX:
            continue
        least, most = int(values[node].min(initial=0)), int(values[node].max(initial=0))
        if least < SMALLEST or most > LARGEST:
            what = "counts" if isinstance(node, Width) else "constant" if isinstance(node, Full) else "values"
            message = f'{what} of "{node}" can reach {least if least < SMALLEST else most}; '
            found.append(Finding(node, message + f"RASP-L values are int8, {SMALLEST}..{LARGEST}."))
    return found
