"""How long a program is: the measure by which tasks are ranked from easy to hard for a transformer.

Source: What Algorithms can Transformers Learn? (arXiv 2310.16028), section 3: the shorter the RASP-L program, the more
likely a transformer generalizes to longer inputs.
"""

from dataclasses import dataclass

from .graph import Aggregate, Map, Node, Selection, Seq, Width, ordered


@dataclass(frozen=True)
class Cost:
    """Size of a program; equal parts count once.

    Attributes:
        heads: attention heads: aggregations and selection widths.
        depth: attention heads on the longest path.
        maps: token-wise functions (MLPs).
        size: all nodes: input, positions, constants, maps, selections and heads.
    """

    heads: int
    depth: int
    maps: int
    size: int


def cost(program: Seq) -> Cost:
    """Count the parts of a program.

    >>> from algorism.symbolic.rasp import induct, tokens
    >>> cost(induct(tokens(), tokens(), 1))
    Cost(heads=2, depth=2, maps=1, size=8)
    """
    depth: dict[Node, int] = {}
    order = ordered(program)
    for node in order:
        before = max((depth[parent] for parent in node.parents()), default=0)
        depth[node] = before + isinstance(node, Aggregate | Width)
    return Cost(
        heads=sum(isinstance(node, Aggregate | Width) for node in order),
        depth=depth[program],
        maps=sum(isinstance(node, Map) for node in order),
        size=sum(isinstance(node, Seq | Selection) for node in order),
    )
