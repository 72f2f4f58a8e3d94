"""The bound on time is heard, speaks for itself, and leaves nothing behind."""

import threading
import time

import pytest

from sdetheory.errors import TimeLimitError
from sdetheory.symbolic.formulas._deadline import OUT_OF_TIME, deadline


def spin(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_block_in_time_is_left_alone():
    with deadline(30, "a sum"):
        total = sum(range(1000))
    assert total == 499500


def test_the_block_is_ended_and_named():
    with pytest.raises(TimeLimitError, match="spinning took longer"), deadline(0.05, "spinning"):
        spin(60)


@pytest.mark.parametrize(("outer", "inner", "speaks"), [(0.05, 30, "outer"), (30, 0.05, "inner")])
def test_of_two_deadlines_the_first_to_end_speaks(outer, inner, speaks):
    with pytest.raises(TimeLimitError, match=speaks), deadline(outer, "outer"), deadline(inner, "inner"):
        spin(60)


def test_it_works_outside_the_main_thread():
    said = []

    def work():
        try:
            with deadline(0.05, "a thread"):
                spin(60)
        except TimeLimitError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert said == ["a thread took longer than 0.05 s"]


def test_an_end_at_the_last_moment_is_not_heard_later():
    """Blocks about as long as their deadline: each is in time or refused, and nothing escapes."""
    outcomes = set()
    for _ in range(200):
        try:
            with deadline(0.002, "a close race"):
                spin(0.002)
            outcomes.add("in time")
        except OUT_OF_TIME:
            outcomes.add("late")
        spin(0.0005)
    assert outcomes <= {"in time", "late"}


def test_an_exception_of_the_block_passes():
    with pytest.raises(ZeroDivisionError), deadline(30, "a division"):
        1 / 0  # noqa: B018
