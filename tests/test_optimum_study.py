"""The file of the study of the optimum batch size survives a kill, and its collapse finds exponents that are known."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import sdetheory as st

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def parts():
    """Return the modules of the study."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        names = ("optimum_grid", "optimum_runs", "optimum_collapse")
        yield [importlib.import_module(f"paper_checks.smith_le_2018.{name}") for name in names]


def curves(collapse, exponent, rng, noise=0.02):
    """Return settings whose places grow with N to a power, on a shape that the fit has to find."""
    settings = []
    for n, level, scale in ((1000, 1.4, 0.5), (4000, 1.0, 0.3), (16_000, 0.5, 0.3), (60_000, 0.36, 0.05)):
        place = np.log(60) + exponent * np.log(n / 4000)
        sizes = np.exp(place) * 2.0 ** np.arange(-3, 5)
        loss = level + scale * collapse.shape(np.log(sizes) - place, np.log([0.15, 1.0, 1.2]))
        values = {"train_size": n, "learning_rate": 0.05, "1/(1 - momentum)": 10.0, "random_labels": 0.0}
        settings.append(
            collapse.Setting(values, sizes, loss[:, None] + noise * scale * rng.standard_normal((len(sizes), 6)))
        )
    return settings


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_the_exponent_of_made_up_curves_is_found(parts, rng, exponent):
    _, _, collapse = parts
    exact = collapse.collapse(curves(collapse, exponent, rng, noise=0.0), n_bootstrap=2).exponents["train_size"]
    assert abs(exact.value - exponent) < 0.01
    found = collapse.collapse(curves(collapse, exponent, rng), n_bootstrap=20).exponents["train_size"]
    assert found.low < exponent < found.high and found.high - found.low < 1


def test_batches_that_fail_to_train_are_left_out(parts):
    _, _, collapse = parts
    losses = np.array([[5.0], [np.nan], [1.3], [1.0], [1.2]])
    kept = collapse.trained(collapse.Setting({}, np.array([1, 2, 4, 8, 16]), losses))
    assert kept.batch_sizes.tolist() == [4, 8, 16]


def test_what_explains_the_losses_is_told_from_what_does_not(parts, rng):
    _, _, collapse = parts
    settings = []
    for rate in (0.1, 0.2, 0.4):
        sizes = rate * 10 * 2.0 ** np.arange(6)
        losses = (np.log(rate / sizes) ** 2)[:, None] + 0.01 * rng.standard_normal((6, 3))
        settings.append(collapse.Setting({"learning_rate": rate}, sizes, losses))
    assert collapse.explained(settings, lambda values, b: values["learning_rate"] / b) > 0.99
    assert collapse.explained(settings, lambda values, b: b) < 0.9


def test_the_grid_has_each_cell_once_and_batches_within_their_sets(parts):
    grid, _, _ = parts
    cells = grid.cells()
    assert len(set(cells)) == len(cells) and all(1 <= cell.batch_size <= cell.train_size for cell in cells)
    base = {cell.batch_size for cell in cells if cell.train_size == 60_000 and cell.learning_rate == 0.05}
    assert min(base) <= 60 and max(base) > 15_000
    scales = {
        cell.learning_rate * cell.train_size / cell.batch_size / (1 - cell.momentum)
        for cell in cells
        if (cell.data, cell.train_size) == ("fashion", 4000)
    }
    np.testing.assert_allclose(
        np.log2(500 / np.array(list(scales))), np.rint(np.log2(500 / np.array(list(scales)))), atol=1e-9
    )


def test_a_row_that_a_kill_cut_is_made_again(parts, tmp_path):
    grid, runs, _ = parts
    file = tmp_path / "study.csv"
    for cell in grid.spots()[:2]:
        runs.append(file, {name: getattr(cell, name, 0.5) for name in runs.COLUMNS})
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert [runs.cell_of(row) for row in runs.read(file)] == grid.spots()[:1]
    runs.append(file, {name: getattr(grid.spots()[1], name, 0.5) for name in runs.COLUMNS})
    assert file.read_bytes() == whole


@pytest.mark.parametrize("mistake", [None, "sign", "an example twice"])
def test_cells_that_are_computed_again_notice_a_wrong_gradient(parts, monkeypatch, mistake):
    study = importlib.import_module("paper_checks.smith_le_2018.optimum_study")
    right = st.models.ReLUNetwork.minibatch_gradient
    wrong = {
        None: right,
        "sign": lambda model, w, batch: -right(model, w, batch),
        "an example twice": lambda model, w, batch: right(model, w, np.append(batch, batch[0])),
    }
    # Which would refuse a model that contradicts itself before it trains.
    monkeypatch.setattr(st.models.ReLUNetwork, "minibatch_gradient", wrong[mistake])
    monkeypatch.setattr("sdetheory.models._consistency.check", lambda *_: None)
    if mistake is None:
        study.recompute(np.random.default_rng(0))
        return
    with pytest.raises(AssertionError, match="is stored"):
        study.recompute(np.random.default_rng(0))
