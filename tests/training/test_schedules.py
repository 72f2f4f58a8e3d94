"""Schedules as data: their factors by hand and beside PyTorch's, in SGD, sent, resumed and replayed."""

import pickle
import signal
from dataclasses import dataclass

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.training import Cosine, Milestones, Schedule, WarmUp

STEPS = 40
PROGRESS = np.arange(STEPS) / STEPS
SCHEDULES = [
    WarmUp(length=0.25),
    WarmUp(length=0.1, start=0.5),
    Milestones(at=(0.5, 0.75), factor_each=0.1),
    Cosine(end=0.05),
    WarmUp(length=0.25) * Milestones(at=(0.5,), factor_each=0.2) * Cosine(),
]


@dataclass(frozen=True)
class Triangle(Schedule):
    """A schedule of the user's own."""

    low: float = 0.2

    def factor(self, progress):
        return self.low + (1 - self.low) * (1 - np.abs(2 * np.asarray(progress) - 1))


def model():
    X = np.cos(np.arange(72.0)).reshape(24, 3)
    return st.models.LogisticRegression(X, np.arange(24) % 2, prior_precision=0.3)


def train(n_steps=STEPS, **options):
    hp = st.SGDHyperparameters(learning_rate=0.5, train_size=24, batch_size=4, momentum=0.5)
    return st.sgd(model(), hp, [1.0, -1.0, 0.5], n_steps=n_steps, n_runs=3, rng=3, **options)


def test_factors_by_hand():
    by_hand = [
        [min(1.0, s / 10) for s in range(STEPS)],
        [min(1.0, 0.5 + 0.5 * s / 4) for s in range(STEPS)],
        [1.0] * 20 + [0.1] * 10 + [0.01] * 10,
        [0.05 + 0.95 * (1 + np.cos(np.pi * s / 40)) / 2 for s in range(STEPS)],
        [min(1.0, s / 10) * (0.2 if s >= 20 else 1.0) * (1 + np.cos(np.pi * s / 40)) / 2 for s in range(STEPS)],
    ]
    for schedule, expected in zip(SCHEDULES, by_hand, strict=True):
        np.testing.assert_allclose(schedule.factor(PROGRESS), expected, rtol=1e-14)


def test_a_milestone_is_passed_with_its_step_however_many_there_are():
    for n in range(2, 400):
        first = int(np.argmax(Milestones(at=(0.1,), factor_each=0.5).factor(np.arange(n) / n) < 1))
        assert first == -(-n // 10)


def test_factors_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    from torch.optim import lr_scheduler

    def rates(make):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler, found = make(optimizer), []
        for _ in range(STEPS):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return found

    theirs = [
        lambda o: lr_scheduler.LinearLR(o, start_factor=0.5, total_iters=4),
        lambda o: lr_scheduler.MultiStepLR(o, milestones=[20, 30], gamma=0.1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=STEPS, eta_min=0.05),
    ]
    for ours, make in zip(SCHEDULES[1:4], theirs, strict=True):
        np.testing.assert_allclose(ours.factor(PROGRESS), rates(make), rtol=1e-12)


@pytest.mark.parametrize("schedule", [*SCHEDULES, Triangle()])
def test_sgd_takes_the_schedule_as_it_takes_its_numbers(schedule):
    run = train(learning_rates=schedule)
    numbers = 0.5 * schedule.factor(PROGRESS)
    np.testing.assert_array_equal(run.final, train(learning_rates=numbers).final)
    np.testing.assert_array_equal(run.replay["learning_rates"], numbers)
    np.testing.assert_array_equal(st.sgd(**run.replay).final, run.final)
    assert not np.array_equal(run.final, train().final), "the negative control: it does something"


def test_batch_sizes_are_rounded_and_never_none():
    grown = train(batch_sizes=Milestones(at=(0.5,), factor_each=2.6))
    np.testing.assert_array_equal(grown.replay["batch_sizes"], [4] * 20 + [10] * 20)
    shrunk = train(batch_sizes=Milestones(at=(0.5,), factor_each=0.1))
    np.testing.assert_array_equal(shrunk.replay["batch_sizes"], [4] * 20 + [1] * 20)
    with pytest.raises(InvalidInputError, match="batch_sizes must be >= 1 and <= 24"):
        train(batch_sizes=Milestones(at=(0.5,), factor_each=7.0))


def test_growing_batches_keep_the_noise_scale_of_a_falling_rate():
    """ε f against B/f (Smith, Kindermans et al.): equal for B ≪ N, and within B'/N of it elsewhere."""
    fall, grow = Milestones(at=(0.5,), factor_each=0.2), Milestones(at=(0.5,), factor_each=5.0)
    for n, batch in ((100_000, 10), (1000, 10)):
        falling = st.noise_scale(0.5 * fall.factor(PROGRESS), n, batch)
        growing = st.noise_scale(0.5, n, batch * grow.factor(PROGRESS).astype(int))
        assert np.all(np.abs(growing / falling - 1) < 5 * batch / n)
        assert not np.all(np.abs(st.noise_scale(0.5, n, batch) / falling - 1) < 5 * batch / n), "without a schedule"


@pytest.mark.parametrize("schedule", [*SCHEDULES, Triangle()])
def test_a_schedule_is_data(tmp_path, schedule):
    again, calls = pickle.loads(pickle.dumps(schedule)), []
    assert again == schedule and repr(again) == repr(schedule) and hash(again) == hash(schedule)

    def metric(w):
        calls.append(1)
        if len(calls) == 6:  # at the step 10, in the warm-up
            signal.raise_signal(signal.SIGINT)
        return w[0]

    options = {"learning_rates": schedule, "metrics": {"first": metric}, "record_every": 10}
    path = tmp_path / "run.npz"
    with pytest.warns(RuntimeWarning, match="interrupted after 10 of 40"):
        train(**options, checkpoint=path)
    with pytest.raises(InvalidInputError, match="schedules differs"):
        train(**options | {"learning_rates": None}, checkpoint=path)
    resumed = train(**options | {"learning_rates": again}, checkpoint=path)
    np.testing.assert_array_equal(resumed.final, train(learning_rates=schedule).final)


@pytest.mark.parametrize(
    ("match", "make"),
    [
        ("length must be", lambda: WarmUp(length=0.0)),
        ("length must be", lambda: WarmUp(length=20)),
        ("start must be", lambda: WarmUp(length=0.5, start=-0.1)),
        ("at must be", lambda: Milestones(at=(0.5, 0.5), factor_each=0.1)),
        ("at must be", lambda: Milestones(at=(), factor_each=0.1)),
        ("at must be", lambda: Milestones(at=(100, 150), factor_each=0.1)),
        ("factor_each must be", lambda: Milestones(at=(0.5,), factor_each=0.0)),
        ("end must be", lambda: Cosine(end=2.0)),
        ("progress must be", lambda: Cosine().factor([0.0, 2.0])),
        ("learning_rates must be >= 0", lambda: train(learning_rates=Triangle(low=-0.5))),
        ("learning_rates must have shape", lambda: train(learning_rates=Wrong())),
    ],
)
def test_what_is_no_schedule_is_refused(match, make):
    with pytest.raises(InvalidInputError, match=match):
        make()
    with pytest.raises(TypeError):
        Cosine() * 2.0


class Wrong(Schedule):
    """One that forgets the steps."""

    def factor(self, progress):
        return 1.0
