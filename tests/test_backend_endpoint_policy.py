"""The policy against its promises, on a clock of its own."""

import heapq
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algorism.errors import UsageError
from algorism.evaluation.backends.endpoint.policy import Dispatch, Pace, Window
from algorism.evaluation.backends.endpoint.verdicts import Answered, Faulty, Hopeless, Refused

VERDICTS = st.one_of(
    st.just(Answered("2")),
    st.just(Refused("too long", own=True)),
    st.builds(Faulty, st.just("broken"), st.just("fault"), st.sampled_from([0.0, 20.0])),
    st.builds(Faulty, st.just("busy"), st.just("overload"), st.sampled_from([0.0, 0.3, 7.0, 100.0])),
)
PACES = st.builds(
    Pace,
    concurrency=st.integers(1, 20),
    attempts=st.integers(1, 6),
    first_wait=st.floats(0.01, 1),
    longest_wait=st.floats(1, 60),
)


def simulate(dispatch: Dispatch, what, lasts):
    """A server's run on a simulated clock: (request, attempt, sent, ended, verdict), and the outcomes as they came."""
    now, flying, history, outcomes, order = 0.0, [], [], [], itertools.count()
    while not dispatch.finished:
        while (ticket := dispatch.start(now)) is not None:
            heapq.heappush(flying, (now + lasts(), next(order), ticket))
            assert len(flying) == dispatch.in_flight <= min(dispatch.window.limit, dispatch.pace.concurrency)
        wait = dispatch.wait(now)
        if wait is not None and (not flying or now + wait < flying[0][0]):
            now = max(now + wait, now + 1e-9)  # a clock's step, where rounding swallows the wait
            continue
        assert flying, "nothing is in flight and nothing is waited for: the run would hang"
        now, _, ticket = heapq.heappop(flying)
        verdict = what(ticket)
        history.append((ticket.index, ticket.attempt, ticket.sent, now, verdict))
        if (final := dispatch.end(ticket, verdict, now)) is not None:
            outcomes.append((ticket.index, final))
    return history, outcomes


@settings(max_examples=150, deadline=None)
@given(PACES, st.integers(0, 60), st.lists(VERDICTS, min_size=1, max_size=30), st.integers(0, 2**32))
def test_bound_outcomes_and_waits(pace: Pace, count: int, verdicts: list, seed: int) -> None:
    rng = random.Random(seed)
    dispatch = Dispatch(list(range(count)), pace)
    try:
        history, outcomes = simulate(dispatch, lambda ticket: rng.choice(verdicts), lambda: rng.uniform(0.01, 5))
    except UsageError:  # ten requests in a row used their attempts up
        assert count >= 10
        assert any(isinstance(v, Faulty) and v.trouble == "overload" for v in verdicts)
        return
    assert sorted(index for index, _ in outcomes) == list(range(count))
    for index in range(count):
        tries = [row for row in history if row[0] == index]
        assert [attempt for _, attempt, *_ in tries] == list(range(1, len(tries) + 1))
        assert len(tries) <= pace.attempts
        assert all(isinstance(row[4], Faulty) for row in tries[:-1])
        for (*_, ended, fault), (_, attempt, sent, *_) in itertools.pairwise(tries):
            full = min(pace.longest_wait, pace.first_wait * 2 ** (attempt - 2))
            assert sent - ended >= max(fault.wait, full / 2) - 1e-9
    for *_, ended, verdict in history:  # what an overloaded server asks of one request, it asks of all
        if isinstance(verdict, Faulty) and verdict.trouble == "overload":
            assert not [1 for row in history if ended < row[2] < ended + verdict.wait - 1e-9]


def test_a_fair_server_that_bears_five_is_asked_by_about_five() -> None:
    """The server refuses whoever comes when five others are there: the window must find that, and use it."""
    dispatch = Dispatch(list(range(3000)), Pace(concurrency=100, first_wait=0.1, attempts=20))
    rng, seen = random.Random(0), []

    def what(ticket):
        seen.append(dispatch.in_flight)
        return Faulty("busy", "overload") if dispatch.in_flight > 5 else Answered("")

    history, outcomes = simulate(dispatch, what, lambda: rng.uniform(0.9, 1.1))
    assert all(isinstance(final, Answered) for _, final in outcomes)
    assert 3 < sum(seen[500:]) / len(seen[500:]) < 6
    assert len(history) < 1.25 * 3000  # few requests are sent in vain


def test_window_doubles_then_adds_and_halves_once_per_round() -> None:
    window = Window(64)
    rounds = [window.limit]
    for _ in range(4):
        for _ in range(window.limit):
            window.grow()
        rounds.append(window.limit)
    assert rounds == [4, 8, 16, 32, 64]
    for _ in range(64):  # a whole window of refusals of one round
        window.shrink(sent=1.0, now=2.0)
    assert window.limit == 32
    for _ in range(33):
        window.grow()
    assert window.limit == 33
    for moment in range(3, 20):
        window.shrink(sent=moment, now=moment)
    assert window.limit == 1


def test_back_off_grows_to_its_bound_and_is_a_request_s_own() -> None:
    pace = Pace(first_wait=0.5, longest_wait=60.0)
    waits = [pace.back_off("a", attempt) for attempt in range(1, 12)]
    for attempt, wait in enumerate(waits, 1):
        assert min(60, 0.5 * 2 ** (attempt - 1)) / 2 <= wait <= min(60, 0.5 * 2 ** (attempt - 1))
    assert waits == [pace.back_off("a", attempt) for attempt in range(1, 12)]
    assert len({pace.back_off(name, 3) for name in range(100)}) == 100
    assert pace.back_off("a", 10**6) <= 60


def fail_all(pace: Pace, count: int, verdict) -> int:
    """Answers and faults as `verdict(index)` says; how many requests were sent before the run was stopped."""
    sent = 0

    def what(ticket):
        nonlocal sent
        sent += 1
        return verdict(ticket)

    with pytest.raises(UsageError) as stopped:
        simulate(Dispatch(list(range(count)), pace), what, lambda: 1.0)
    fail_all.message = str(stopped.value)
    return sent


def test_what_concerns_all_requests_stops_the_run_soon() -> None:
    assert fail_all(Pace(), 2000, lambda ticket: Hopeless("wrong key")) == 1
    assert fail_all(Pace(), 2000, lambda ticket: Faulty("refused", "unreachable")) < 20
    assert "running" in fail_all.message
    assert fail_all(Pace(), 2000, lambda ticket: Refused("HTTP 400: no such field")) == 10
    assert "10 requests were all refused alike: HTTP 400" in fail_all.message
    assert fail_all(Pace(), 2000, lambda ticket: Faulty("busy", "overload", wait=601)) == 1
    assert "601 s" in fail_all.message
    # A server that dies in the middle: ten requests use their attempts up.
    died = fail_all(Pace(attempts=3), 2000, lambda t: Answered("") if t.sent < 9 else Faulty("gone", "unreachable"))
    assert died < 400
    assert "all failed, after 3 attempts" in fail_all.message


@pytest.mark.parametrize("again", [Refused("too long", own=True), Faulty("HTTP 500")])
def test_a_server_that_fails_on_some_prompts_only_does_not_stop_the_run(again) -> None:
    dispatch = Dispatch(list(range(50)), Pace(attempts=2))
    _, outcomes = simulate(dispatch, lambda ticket: again, lambda: 1.0)
    assert [final.reason for _, final in outcomes] == [again.reason] * 50
    dispatch = Dispatch(list(range(50)), Pace())
    _, outcomes = simulate(dispatch, lambda ticket: Refused("odd") if ticket.index else Answered(""), lambda: 1.0)
    assert len(outcomes) == 50


@pytest.mark.parametrize(
    "bad", [{"concurrency": 0}, {"attempts": 0}, {"first_wait": 0}, {"longest_wait": 0.1}, {"patience": float("nan")}]
)
def test_impossible_paces_are_refused(bad: dict) -> None:
    with pytest.raises(UsageError, match="Expected"):
        Pace(**bad)
