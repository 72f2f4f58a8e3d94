"""Tables, arrays with names and chains: the numbers of the result, under the right names."""

import sys

import numpy as np
import pytest

import sdetheory as st
from sdetheory.errors import InvalidInputError
from sdetheory.exchange.labelled import labelled


def made(n_saved=6, n_paths=3, d=2):
    paths = np.arange(float(n_saved * n_paths * d)).reshape(n_saved, n_paths, d)
    return st.simulators.Run(
        final=paths[-1],
        times=np.linspace(0, 1, n_saved),
        paths=paths,
        diverged=0,
        divergence=None,
        replay={},
        n_steps=5,
    )


ESTIMATE = st.Estimate(value=np.array([[1.0, 2.0, 3.0]]), stderr=np.array([[0.1, 0.2, 0.3]]), n_eff=50)


def test_names_of_axes_and_places():
    found = labelled(made())
    assert found.quantities["paths"].axes == ("time", "path", "component")
    assert found.quantities["final"].axes == ("path", "component")
    assert list(found.places) == ["time"] and found.words["n_steps"] == 5 and found.words["result"] == "Run"


def test_what_has_no_names_is_called_after_its_field():
    found = labelled(st.theory.ornstein_uhlenbeck(np.eye(2), np.eye(2)))
    assert found.quantities["covariance"].axes == ("covariance_0", "covariance_1")


def test_what_lies_deeper_is_found_under_both_names():
    histogram = st.simulators.Histogram(
        edges=(np.arange(4.0),), counts=np.ones((2, 3), dtype=np.int64), totals=np.array([3, 3])
    )
    found = labelled(histogram)
    np.testing.assert_array_equal(found.quantities["edges.0"].values, np.arange(4.0))
    table = np.rec.fromarrays([np.arange(3), np.ones(3)], names="seed,loss")
    study = st.BatchSizeStudy(table=table, metrics=("loss",), settings={}, versions={}, n_missing=0)
    assert labelled(study).quantities["table.loss"].axes == ("table",)
    if "pandas" in sys.modules:
        assert st.exchange.to_dataframe(study).columns.tolist() == ["seed", "loss"]


def test_a_table_has_a_row_for_each_entry():
    pytest.importorskip("pandas")
    run = made()
    table = st.exchange.to_dataframe(run, "paths")
    assert table.columns.tolist() == ["time", "path", "component", "value"] and len(table) == run.paths.size
    row = table[(table.time == run.times[4]) & (table.path == 2) & (table.component == 1)]
    assert row.value.item() == run.paths[4, 2, 1]


def test_a_table_of_estimates_has_errors_and_intervals():
    pytest.importorskip("pandas")
    table = st.exchange.to_dataframe(ESTIMATE, level=0.9)
    low, high = ESTIMATE.interval(0.9)
    assert table.columns.tolist() == ["estimate_0", "estimate_1", "value", "stderr", "low", "high"]
    for name, wanted in {"value": ESTIMATE.value, "stderr": ESTIMATE.stderr, "low": low, "high": high}.items():
        np.testing.assert_array_equal(table[name], wanted.ravel())
    one = st.exchange.to_dataframe(st.Estimate(value=1.5, stderr=np.nan, n_eff=1))
    assert one.columns.tolist() == ["value", "stderr"] and len(one) == 1


def test_a_table_of_one_of_several_quantities():
    pytest.importorskip("pandas")
    with pytest.raises(InvalidInputError, match="quantity must say which of final, paths"):
        st.exchange.to_dataframe(made())
    with pytest.raises(InvalidInputError, match="quantity must be one of 'final', 'paths'"):
        st.exchange.to_dataframe(made(), "path")
    shape = st.models.GradientNoiseScale(
        trace=ESTIMATE[0, 0], squared_gradient=ESTIMATE[0, 1], noise_scale=ESTIMATE[0, 2], interval=(0.0, 1.0)
    )
    assert st.exchange.to_dataframe(shape, "trace").stderr.tolist() == [0.1]


def test_arrays_with_names():
    xarray = pytest.importorskip("xarray")
    run = made()
    data = st.exchange.to_xarray(run)
    assert isinstance(data, xarray.Dataset) and data.attrs["result"] == "Run" and "numpy" in data.attrs["versions"]
    assert data["paths"].sel(time=1.0, path=1, component=0).item() == run.paths[-1, 1, 0]
    estimates = st.exchange.to_xarray(ESTIMATE)
    np.testing.assert_array_equal(estimates["estimate_stderr"], ESTIMATE.stderr)
    curve = st.evidence.evidence_curve(
        [(st.models.LogisticRegression(np.eye(4), [0, 1, 1, 0]), np.eye(4), [0, 1, 1, 0])] * 2, [0.1, 1.0, 10.0]
    )
    found = st.exchange.to_xarray(curve)
    assert found["test_loss"].dims == ("split", "prior_precision")
    np.testing.assert_array_equal(found["test_loss"].sel(prior_precision=1.0), curve.test_loss[:, 1])


def test_chains_for_arviz():
    pytest.importorskip("arviz_base")
    run = made(n_saved=9, n_paths=20)  # more chains than draws, of which ArviZ warns
    tree = st.exchange.to_inference_data(run, burn_in=2, name="x")
    draws = tree["posterior"]["x"]
    assert draws.dims == ("chain", "draw", "component")
    np.testing.assert_array_equal(draws.values, np.moveaxis(run.paths[2:], 0, 1))


def test_what_is_no_chain_is_refused():
    with pytest.raises(InvalidInputError, match="4 saved positions or more after burn_in; got 2"):
        st.exchange.to_inference_data(made(), burn_in=4)
    run = made()
    run.paths[3, 1, 0] = np.inf
    with pytest.raises(InvalidInputError, match="1 of 3 did"):
        st.exchange.to_inference_data(run)
    for convert in (st.exchange.to_dataframe, st.exchange.to_xarray):
        for wrong in (np.ones(3), None, 1.0, st.simulators.Run, st.landscapes.double_well()):
            with pytest.raises(InvalidInputError, match="result must be"):
                convert(wrong)
    with pytest.raises(InvalidInputError, match="holds no arrays"):
        st.exchange.to_xarray(st.Adam())


@pytest.mark.parametrize(
    ("convert", "module", "package"),
    [
        (lambda: st.exchange.to_dataframe(ESTIMATE), "pandas", "pandas"),
        (lambda: st.exchange.to_xarray(ESTIMATE), "xarray", "xarray"),
        (lambda: st.exchange.to_inference_data(made()), "arviz_base", "arviz-base"),
    ],
)
def test_a_package_that_is_missing_is_named(convert, module, package, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'needs {package}, .*pip install "sdetheory\[exchange\]"'):
        convert()
