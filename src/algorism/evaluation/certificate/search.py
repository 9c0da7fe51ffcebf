"""The proof: bound every context, know one place more where the bound does not do, until all are proven or one fails.

By induction over the printed digits, greedy decoding is right for all operands of L digits, for every L ≥ 1, if the
right token leads in every context in which all digits printed so far are right. `contexts` lists those as a tree whose
root nodes leave all far places open; `margins` bounds the lead over everything that can stand there.

What is proven holds for the network in exact arithmetic. The network runs in float32, so the lead must exceed an
allowance that is at least ten times the difference between float32 and float64 seen on long sums.

Shape letters: n node, i item (a node and a rival token), q query token, h head.
"""

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...errors import UsageError
from ...models.transformer import Transformer
from ...tasks import Numbers, Problems, Task
from ...text import Format, Indexing
from ..asking import evaluate
from ..reader import untouched
from .certificate import Certificate, Counterexample
from .circuit import PLACES, Circuit, circuit_of
from .contexts import ENDED, Nodes, children, completed, described, operands, roots
from .far import MOST_KEYS
from .margins import Margins, typical

ITEMS = 16384  # bounded at once
TRIED = 16  # nodes of a failed batch in which a counterexample is looked for
ASKED = 200  # most sums that the network itself is asked, where the tables say that it errs or nearly so
SHOWN = 10  # undecided contexts put into words
PATTERNS = range(-1, 5)  # of `contexts.completed`


class Work(NamedTuple):
    """Nodes, and rival tokens that have not been ruled out: item i is node node_i against the token id rival_i."""

    nodes: Nodes
    node_i: Tensor
    rival_i: Tensor


class Asker:
    """Asks the network itself, as it runs.

    Args:
        model, form, tokenizer, indexing: as in `certify`.
    """

    def __init__(self, model: Transformer, form: Format, tokenizer: Any, indexing: Indexing | None) -> None:
        self.model, self.form, self.tokenizer, self.indexing = model, form, tokenizer, indexing

    def wrong(self, pair: tuple[str, str]) -> Counterexample | None:
        """Give the answer to one sum if it is wrong; None if it is right."""
        places = len(pair[0])
        columns = [Numbers.from_ints([int(number)], places=places) for number in pair]
        problems = Problems.solve("+", (columns[0], columns[1]))
        found = evaluate(self.model, self.form, self.tokenizer, problems, indexing=self.indexing)
        if found.correct_n[0] and found.strict_n[0]:
            return None
        return Counterexample(pair, found.gold[0], found.answers[0] or found.completions[0])

    @torch.no_grad()
    def rounding(self, n: int = 32, digits: int = 40) -> float:
        """Largest difference of logits between the network and its copy in float64."""
        texts = self.form.write(Task("+", digits=(digits, digits)).sample(n, seed=0))
        ids_nt = torch.from_numpy(self.tokenizer.encode_texts(texts).ids_nt.astype(np.int64))
        assert self.indexing is not None
        index_nt = torch.from_numpy(self.indexing.of(texts, ids_nt.shape[1]))
        device = self.model.embed.weight.device
        exact = copy.deepcopy(self.model).double().eval()
        pair = [m(ids_nt.to(device), positions=index_nt.to(device)) for m in (self.model, exact)]
        return float((pair[0] - pair[1]).abs().max())


@torch.no_grad()
def certify(
    model: Transformer,
    form: Format,
    tokenizer: Any,
    indexing: Indexing | None,
    *,
    allowance: float = 1e-3,
    seconds: float = 120.0,
    report: Callable[[int, int], None] | None = None,
) -> Certificate:
    """Prove that greedy decoding adds right at every length, or find a sum that it gets wrong.

    Args:
        model: a one-layer network whose positions are made of clip, penalty, window, alibi.
        form: pad+reverse+dollar.
        tokenizer: one token a character.
        indexing: coupled.
        allowance: logits by which the right token must lead.
        seconds: after which what is left counts as undecided.
        report: called now and then with the contexts proven and the nodes waiting.

    Raises:
        UsageError: a network, format or indexing that is not supported, with the reason.
    """
    started = time.perf_counter()
    if not untouched(model):
        raise UsageError("certify: the proof reads weights as floats, and here layers were replaced or hooked.")
    circuit = circuit_of(model, form, tokenizer, indexing)
    asker = Asker(model, form, tokenizer, indexing)
    was_training, threads = model.training, torch.get_num_threads()
    model.eval()
    torch.set_num_threads(1)  # batches are small: threads would wait for each other, on a busy machine for minutes
    try:
        rounding = asker.rounding()
        search = Search(circuit, asker, max(allowance, 10 * rounding))
        search.run(started + seconds, report)
    finally:
        model.train(was_training)
        torch.set_num_threads(threads)
    return Certificate(
        allowance=search.enough,
        margin=search.margin if search.contexts else None,
        rounding=rounding,
        contexts=search.contexts,
        examined=search.examined,
        places=(search.places[0], search.places[1]),
        far_share_h=far_share(search.margins, search.roots),
        seconds=time.perf_counter() - started,
        counterexample=search.counterexample,
        undecided=search.undecided,
        left=search.left,
    )


def far_share(margins: Margins, groups: list[Nodes]) -> list[float]:
    """Give the largest share of attention, over root nodes, of all keys two and more places away, for each head."""
    most_h = torch.zeros_like(groups[0].denominator_nh[0])
    for nodes in groups:
        shape = nodes.shape
        for below in {shape.below} if shape.below == ENDED else {0, 1}:
            far = shape._replace(low=max(shape.low, 2), below=below)
            mass_nh = margins.attention.span(far).most_mass_qh[nodes.query_n]
            most_h = torch.maximum(most_h, (mass_nh / (mass_nh + nodes.denominator_nh)).amax(0))
    return [float(share) for share in most_h]


class Search:
    """The search's state; see the certificate's fields.

    Args:
        circuit: of the network.
        asker: of the network.
        enough: logits by which the right token must lead.
    """

    def __init__(self, circuit: Circuit, asker: Asker, enough: float) -> None:
        self.circuit, self.asker, self.enough = circuit, asker, enough
        self.roots = list(roots(circuit))
        self.margins = Margins(circuit, typical(circuit, self.roots))
        self.margin = float("inf")
        self.contexts = self.examined = self.left = self.asked = 0
        self.places = [0, 1]
        self.undecided: list[str] = []
        self.counterexample: Counterexample | None = None

    def run(self, deadline: float, report: Callable[[int, int], None] | None = None) -> None:
        """Search, depth first, until all is proven, a counterexample is found, or time is up."""
        vocab = len(self.circuit.head_vm)
        waiting: list[Work] = []
        for nodes in self.roots:
            node_i, rival_i = torch.arange(len(nodes)).repeat_interleave(vocab), torch.arange(vocab).repeat(len(nodes))
            others_i = rival_i != self.circuit.ids_u[nodes.right_n[node_i]]
            waiting.append(Work(nodes, node_i[others_i], rival_i[others_i]))
        while waiting and self.counterexample is None:
            work, rest = cut(waiting.pop())
            if rest is not None:
                waiting.append(rest)
            if time.perf_counter() > deadline:
                self._give_up(work)
                continue
            waiting += self._step(work)
            if report is not None:
                report(self.contexts, sum(len(w.nodes) for w in waiting))

    def _step(self, work: Work) -> list[Work]:
        """Bound nodes; what is left to do about those whose bound is too low."""
        nodes, shape = work.nodes, work.nodes.shape
        bound_i = self.margins.lowest(self.margins.middle(nodes), work.node_i, work.rival_i, self.enough)
        open_i = bound_i <= self.enough
        failed_n = torch.zeros(len(nodes), dtype=torch.bool).index_fill_(0, work.node_i[open_i], True)
        self.examined += len(nodes)
        self.contexts += int((~failed_n).sum())
        if not bool(open_i.all()):
            self.margin = min(self.margin, float(bound_i[~open_i].min()))
        self.places = [max(self.places[0], shape.low - 1), max(self.places[1], shape.high - 1)]
        if not bool(failed_n.any()):
            return []
        lowest_n = torch.full((len(nodes),), torch.inf, dtype=bound_i.dtype)
        lowest_n = lowest_n.scatter_reduce(0, work.node_i, bound_i, "amin")
        self._look_for_counterexample(nodes.take(lowest_n.argsort()[: min(TRIED, int(failed_n.sum()))]))
        if self.counterexample is not None:
            return []
        failed = chosen(Work(nodes, work.node_i[open_i], work.rival_i[open_i]), failed_n.nonzero()[:, 0])
        further: list[Work] = []
        side_n = self._side(failed.nodes)
        self._give_up(chosen(failed, (side_n == 0).nonzero()[:, 0]))
        for side in (-1, 1):
            part = chosen(failed, (side_n == side).nonzero()[:, 0])
            if len(part.nodes):
                further += grown(self.circuit, part, side)
        return further

    def _side(self, nodes: Nodes) -> Tensor:
        """Choose the side whose next place can take more attention: −1, 1, or 0 where none may be opened."""
        low, below, high, above = nodes.shape
        share_ns = torch.full((len(nodes), 2), -1.0, dtype=torch.float64)
        if below != ENDED and low < PLACES:
            share_ns[:, 0] = (MOST_KEYS[-1] * self.circuit.decay(-low) / nodes.denominator_nh).sum(1)
        if above != ENDED and high < PLACES:
            share_ns[:, 1] = (MOST_KEYS[1] * self.circuit.decay(high) / nodes.denominator_nh).sum(1)
        side_n = torch.where(share_ns[:, 0] >= share_ns[:, 1], -1, 1)
        return torch.where(share_ns.amax(1) < 0, 0, side_n)

    def _look_for_counterexample(self, nodes: Nodes) -> None:
        """Fill the open places in a few ways; ask the network what it errs on by the tables."""
        for pattern in PATTERNS:
            full = completed(self.circuit, nodes, pattern)
            margin_n = self.margins.exact(full)
            worst = int(margin_n.argmin())
            if margin_n[worst] <= self.enough and self.asked < ASKED:
                self.asked += 1
                self.counterexample = self.asker.wrong(operands(full, worst))
                if self.counterexample is not None:
                    return

    def _give_up(self, work: Work) -> None:
        """Count nodes as undecided."""
        self.left += len(work.nodes)
        for row in range(min(len(work.nodes), SHOWN - len(self.undecided))):
            self.undecided.append(described(work.nodes, row))


def cut(work: Work) -> tuple[Work, Work | None]:
    """Take off as many nodes as are bounded at once, and the rest."""
    if len(work.node_i) <= ITEMS:
        return work, None
    last = int(work.node_i[ITEMS])
    now_i = work.node_i < max(last, 1)
    later = Work(work.nodes.take(slice(max(last, 1), None)), work.node_i[~now_i] - max(last, 1), work.rival_i[~now_i])
    return Work(work.nodes.take(slice(0, max(last, 1))), work.node_i[now_i], work.rival_i[now_i]), later


def chosen(work: Work, row_n: Tensor) -> Work:
    """Only these nodes, with their items; items stay in the order of their nodes."""
    new_n = torch.full((len(work.nodes),), -1)
    new_n[row_n] = torch.arange(len(row_n))
    kept_i = new_n[work.node_i] >= 0
    return Work(work.nodes.take(row_n), new_n[work.node_i[kept_i]], work.rival_i[kept_i])


def grown(circuit: Circuit, work: Work, side: int) -> Iterator[Work]:
    """Give the children of nodes; each inherits its parent's rivals."""
    count_n = torch.bincount(work.node_i, minlength=len(work.nodes))
    start_n = count_n.cumsum(0) - count_n
    for nodes, parent_n in children(circuit, work.nodes, side):
        items_n = count_n[parent_n]
        node_i = torch.arange(len(nodes)).repeat_interleave(items_n)
        within_i = torch.arange(len(node_i)) - (items_n.cumsum(0) - items_n)[node_i]
        yield Work(nodes, node_i, work.rival_i[start_n[parent_n[node_i]] + within_i])
