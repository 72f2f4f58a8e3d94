"""The bound on time is heard, speaks for itself, and leaves nothing behind."""

import contextlib
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


def work(seconds):
    """Keep a processor busy for so long, however long that takes."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@contextlib.contextmanager
def others(count):
    """Let other threads of this process work beside the block."""
    done = threading.Event()

    def busy():
        while not done.is_set():
            work(0.001)

    threads = [threading.Thread(target=busy) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_sleep_does_not_count_and_work_does():
    with deadline(0.05, "sleeping"):
        time.sleep(0.5)
    with pytest.raises(TimeLimitError, match="working took longer"), deadline(0.05, "working"):
        work(0.5)
    with pytest.raises(TimeLimitError, match="both took longer"), deadline(0.05, "both"):
        time.sleep(0.2)
        work(0.5)


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="here the whole process counts")
def test_what_else_the_machine_does_does_not_count():
    """Four threads want what only one can have: each has a fifth of the time. Control: the same work by the clock."""
    begun = time.monotonic()
    with others(4), deadline(0.3, "work in company"):
        work(0.2)
    assert time.monotonic() - begun > 0.3


def test_an_exception_of_the_block_passes():
    with pytest.raises(ZeroDivisionError), deadline(30, "a division"):
        1 / 0  # noqa: B018
