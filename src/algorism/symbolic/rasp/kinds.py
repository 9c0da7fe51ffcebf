"""What a sequence holds: tokens, positions, or one constant. RASP-L restricts what may be done with positions."""

from enum import Enum

from .functions import Role
from .graph import Aggregate, Full, Indices, Map, Node, Selection, Seq, Tokens, Width, ordered


class Kind(Enum):
    """TOKEN: int8 values, counts and truths too; INDEX: positions; CONSTANT: may stand for either."""

    TOKEN = "token"
    INDEX = "index"
    CONSTANT = "constant"


def kinds(program: Seq) -> dict[Node, Kind]:
    """Return the kind of every sequence of a program, also of one that breaks the rules.

    >>> from algorism.symbolic.rasp import indices, tokens
    >>> program = indices(tokens()) + 1
    >>> kinds(program)[program]
    <Kind.INDEX: 'index'>
    """
    found: dict[Node, Kind] = {}
    for node in ordered(program):
        if not isinstance(node, Selection):
            found[node] = _kind(node, found)
    return found


def _kind(node: Node, found: dict[Node, Kind]) -> Kind:
    match node:
        case Tokens() | Width():
            return Kind.TOKEN
        case Indices():
            return Kind.INDEX
        case Full():
            return Kind.CONSTANT
        case Aggregate():
            return Kind.INDEX if found[node.values] is Kind.INDEX else Kind.TOKEN
        case Map():
            # A condition says nothing of what is chosen.
            args = node.args[1:] if node.function.role is Role.CHOOSE else node.args
            given = {found[arg] for arg in args}
            if node.function.role is Role.ORDER or (not node.function.infix and node.function.role is Role.OTHER):
                return Kind.TOKEN
            if Kind.INDEX in given:
                return Kind.INDEX
            return Kind.CONSTANT if given == {Kind.CONSTANT} and node.function.role is Role.MOVE else Kind.TOKEN
    raise AssertionError(node)
