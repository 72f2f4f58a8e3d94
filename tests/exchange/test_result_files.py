"""Files of results: the same bits back, for every public result; and anything else refused by its name."""

import dataclasses
import inspect
import json
import math
import pickle
import zipfile

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

import sdetheory as st
from sdetheory import _intervals
from sdetheory.equations._formulas import Formulas
from sdetheory.errors import InvalidInputError
from sdetheory.exchange import _formulas, storage
from sdetheory.exchange._records import NotKept, Reader, Writer, landscape_parts, state

RESULTS = {
    thing.__name__: thing
    for module in (
        st,
        st.theory,
        st.evidence,
        st.models,
        st.simulators,
        st.studies,
        st.training,
        st.datasets,
        st.symbolic,
    )
    for thing in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(thing) and dataclasses.is_dataclass(thing) and thing is not st.simulators.Scheme
}


def same(a, b):
    """Whether two things are of one type and alike to the last bit, however deep."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        alike = (a.dtype, a.shape, a.flags.writeable) == (b.dtype, b.shape, b.flags.writeable)
        return alike and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.random.SeedSequence):
        return (a.state, a.n_children_spawned) == (b.state, b.n_children_spawned)
    if isinstance(a, st.SDE):
        alike = (a.calculus, a.name, a.underdamped, a.noise) == (b.calculus, b.name, b.underdamped, b.noise)
        parts = [[getattr(sde._formulas, field.name) for field in dataclasses.fields(Formulas)] for sde in (a, b)]
        return alike and parts[0] == parts[1]
    if isinstance(a, st.Landscape):
        return landscape_parts(a) == landscape_parts(b)
    if isinstance(a, complex):
        return same([a.real, a.imag], [b.real, b.imag])
    if isinstance(a, (str, int, sympy.Basic, sympy.MatrixBase, np.dtype, NotKept, type(None))):
        return a == b
    return same(state(a), state(b))


def through_a_file(value, path):
    st.save(value, path)
    return st.load(path)


def through_json(value):
    writer = Writer()
    tree = json.loads(json.dumps(writer.tree(value, "it"), allow_nan=False))
    assert not writer.missing
    return Reader(writer.arrays).value(tree)


ARRAYS = arrays.arrays(
    some.sampled_from(["f8", "f4", "i8", "u1", "?", "c16", "U3", ">f8", "i8,f8"]),
    arrays.array_shapes(min_dims=0, max_dims=3, max_side=3, min_side=0),
)
NUMBERS = some.one_of(some.floats(), some.integers(-(2**200), 2**200), some.booleans(), some.complex_numbers())
LAWS = some.one_of(
    some.none(), some.builds(_intervals.Student, some.floats(1, 9)),
    some.builds(_intervals.Reciprocal, some.builds(_intervals.Skewed, some.integers(2, 9), some.floats(-1, 1)), ARRAYS),
)  # fmt: skip
ESTIMATES = some.builds(
    lambda value, stderr, law: st.Estimate(value=value, stderr=stderr, n_eff=7.0, law=law),
    some.floats(allow_nan=False), some.floats(0, allow_nan=False), LAWS,
)  # fmt: skip
SYMBOL = sympy.Symbol("x", positive=True)
BOWL = st.Landscape.from_sympy("k*x**2/3", variables=["x"], parameters={"k": 0.1})
EQUATION = st.SDE.from_sympy(["-k*x"], ["0.1*x"], variables=["x"], parameters={"k": 1 / 3}, calculus="stratonovich")
FORMULAS = some.sampled_from(
    [SYMBOL**2 + sympy.Float(0.1), sympy.exp(-SYMBOL) / 3, sympy.Piecewise((SYMBOL, SYMBOL > 1), (0, True)), sympy.pi,
     sympy.Function("f")(SYMBOL), sympy.Eq(SYMBOL, sympy.sqrt(2), evaluate=False), sympy.oo, sympy.O(SYMBOL**3)]
)  # fmt: skip
LEAVES = some.one_of(
    NUMBERS, ARRAYS, ESTIMATES, FORMULAS, some.none(), some.text(max_size=5), some.floats().map(np.float64),
    some.integers(0, 2**64).map(np.random.SeedSequence), ARRAYS.map(lambda a: a.view(np.recarray)),
    some.just(np.dtype("f4")), some.just(EQUATION), some.just(BOWL),
    some.just(st.SGDHyperparameters(learning_rate=0.1, train_size=9, batch_size=2)),
)  # fmt: skip
VALUES = some.recursive(
    LEAVES,
    lambda inner: some.one_of(
        some.lists(inner, max_size=3), some.tuples(inner, inner),
        some.dictionaries(some.text(max_size=3), inner, max_size=3),
        some.dictionaries(some.tuples(some.integers(), some.integers()), inner, max_size=2),
    ),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(RESULTS))
@settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_every_public_result_comes_back_to_the_same_bits(name, data):
    thing = object.__new__(RESULTS[name])
    for field in dataclasses.fields(thing):
        object.__setattr__(thing, field.name, data.draw(VALUES))
    assert same(through_json(thing), thing)


def test_the_comparison_sees_a_bit():
    """The negative control."""
    e = st.Estimate(value=1.0, stderr=0.1, n_eff=9)
    assert not same(e, st.Estimate(value=np.nextafter(1.0, 2).item(), stderr=0.1, n_eff=9))
    assert not same(0.0, -0.0) and not same(1, 1.0) and not same([1], (1,)) and not same(np.zeros(1), -np.zeros(1))
    assert same([math.nan, {"a": np.ones(2)}], [math.nan, {"a": np.ones(2)}])


X, Y = np.array([[1.0, 0.2], [0.3, -1.0], [2.0, 0.5], [-1.0, 1.0]]), np.array([0, 1, 1, 0])


def fits():
    linear = st.evidence.LinearModel(X, X[:, 0] + 0.1)
    yield linear.posterior(1.0, 0.1), lambda fit: fit.predict(X).variance
    yield linear, lambda model: model.log_evidence(0.5, 0.2)
    yield st.evidence.laplace(st.models.LogisticRegression(X, Y), [0.5, 2.0]), lambda fit: fit.log_evidence
    yield st.evidence.laplace(st.models.LogisticRegression(X, Y), 0.5), lambda fit: fit.predict(X)
    yield st.theory.gibbs(st.landscapes.double_well(), 0.2), lambda law: law.cdf([[0.3]])
    plane = st.theory.gibbs(st.landscapes.quadratic([[2.0, 0.0], [0.0, 1.0]]), 0.5)
    yield plane.marginal(0), lambda law: law.pdf([[0.1], [0.2]])
    yield st.theory.ornstein_uhlenbeck(np.eye(2), np.eye(2)), lambda law: law.covariance
    yield st.stats.mean_estimate(np.arange(30.0) ** 2), lambda e: np.array(e.interval())
    area = st.symbolic.Formula(symbol=sympy.Symbol("A"), expression=sympy.pi * SYMBOL**2, conditions=(SYMBOL < 9,))
    yield area, lambda formula: formula(x=0.3)
    yield (
        st.landscapes.mueller_brown() if hasattr(st.landscapes, "mueller_brown") else st.landscapes.double_well(),
        repr,
    )


def test_fits_and_laws_go_on_where_they_were(tmp_path):
    for thing, use in fits():
        again = through_a_file(thing, tmp_path / "it.npz")
        assert type(again) is type(thing) and same(use(again), use(thing)), type(thing)


def test_a_law_of_a_function_goes_on_without_it(tmp_path):
    law = st.theory.fokker_planck(lambda x: -x, 0.5, st.theory.Grid((-4.5, 4.5), 48))
    with pytest.warns(RuntimeWarning, match=r"FokkerPlanck\._fields.*: not in the file"):
        st.save(law, tmp_path / "law.npz")
    again = st.load(tmp_path / "law.npz")
    assert same(again.density, law.density) and same(again.spectral_gap, law.spectral_gap)


def test_a_run_is_repeated_from_its_file(tmp_path):
    sde = st.langevin(st.landscapes.double_well(), temperature=0.1)
    run = st.simulate(sde, [-1.0], dt=0.01, n_steps=8, n_paths=3, rng=7, save_every=2)
    again = through_a_file(run, tmp_path / "run.npz")
    assert same(again, run)
    assert same(st.simulate(**again.replay).paths, run.paths)
    header = storage.archive.read(tmp_path / "run.npz")[0]
    assert {"numpy", "python", "machine"} <= set(header["versions"]) and header["result"] == "Run"
    with np.load(tmp_path / "run.npz", allow_pickle=False) as file:  # so nothing in it is a pickle
        assert any(np.array_equal(file[name], run.paths) for name in file.files)


def test_what_is_code_is_named_and_says_so_when_it_is_used(tmp_path):
    sde = st.SDE(drift=lambda x: -x, diffusion=[1.0], dimension=1, noise="additive")
    run = st.simulators.Run(
        final=np.ones((1, 1)), times=np.ones(1), paths=np.ones((1, 1, 1)), diverged=0, divergence=None,
        replay={"sde": sde, "dt": 0.1}, n_steps=1,
    )  # fmt: skip
    with pytest.warns(RuntimeWarning, match=r"Run\.replay\.sde: not in the file"):
        st.save(run, tmp_path / "run.npz")
    again = st.load(tmp_path / "run.npz")
    assert same(again.final, run.final) and again.replay["dt"] == 0.1
    for use in (lambda sde: sde.drift, lambda sde: sde(1.0)):
        with pytest.raises(InvalidInputError, match=r"Run\.replay\.sde .* is not in the file"):
            use(again.replay["sde"])
    with pytest.raises(InvalidInputError, match="sde must be an SDE; got NotKept"):
        st.simulate(again.replay["sde"], [0.0], dt=0.1, n_steps=1, n_paths=1)
    assert pickle.loads(pickle.dumps(again.replay["sde"])) == again.replay["sde"]
    assert same(through_a_file(again, tmp_path / "twice.npz"), again)


@pytest.mark.parametrize("wrong", [np.ones(3), 1.0, None, "run", st.Estimate, {}, lambda x: x])
def test_what_is_no_result_is_refused(wrong, tmp_path):
    with pytest.raises(InvalidInputError, match="result must be"):
        st.save(wrong, tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_what_is_all_code_is_refused(tmp_path):
    sde = st.SDE(drift=lambda x: -x, diffusion=[1.0], dimension=1, noise="additive")
    with pytest.raises(InvalidInputError, match="result must be data"):
        st.save(sde, tmp_path / "x.npz")
    with pytest.raises(InvalidInputError, match="path"):
        st.save(st.Estimate(value=1.0, stderr=0.1, n_eff=9), tmp_path / "no" / "x.npz")


@pytest.fixture
def kept(tmp_path):
    st.save(st.Estimate(value=np.arange(20.0), stderr=np.ones(20), n_eff=9), tmp_path / "it.npz")
    return tmp_path / "it.npz"


def test_a_damaged_file_is_refused_by_its_name(kept):
    whole = kept.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            loaded = st.load(kept)
        except InvalidInputError as error:
            assert str(kept) in str(error)
        else:  # a bit of a zip's own that nobody reads, such as a date
            assert same(loaded, st.Estimate(value=np.arange(20.0), stderr=np.ones(20), n_eff=9))
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        kept.write_bytes(whole[:length])
        with pytest.raises(InvalidInputError, match=r"it\.npz' is not a whole file"):
            st.load(kept)


def test_a_foreign_file_is_refused_by_its_name(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, a=np.ones(3))
    with pytest.raises(InvalidInputError, match=r"other\.npz' is not a whole file of sdetheory.save"):
        st.load(path)
    storage.archive.write(path, {"run": {}, "step": 3}, {})
    with pytest.raises(InvalidInputError, match=r"other\.npz' is a file of something else, such as a checkpoint"):
        st.load(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(InvalidInputError, match=r"other\.npz"):
        st.load(path)
    with pytest.raises(InvalidInputError, match="path must be a file that is there"):
        st.load(tmp_path / "none.npz")


def rewritten(path, **changes):
    header, held = storage.archive.read(path)
    storage.archive.write(path, {**header, **changes}, held)


def test_a_file_of_a_later_format_says_what_to_update(kept):
    rewritten(kept, format=storage._FORMAT + 1)
    with pytest.raises(InvalidInputError, match=r"it\.npz' has format 2, .* reads formats up to 1\. Update sdetheory"):
        st.load(kept)


@pytest.mark.parametrize(
    ("tree", "what"),
    [
        ({"object": "sdetheory.results:Nothing", "fields": {}}, "does not have"),
        ({"object": "os:system", "fields": {}}, "does not have"),
        ({"object": "sdetheory._kernels.block:BlockFunction", "fields": {"source": "import os"}}, "does not have"),
        ({"object": "sdetheory.results:Estimate", "fields": {"value": 1.0}}, "lacks the field 'stderr'"),
        ({"object": "sdetheory.results:Estimate", "fields": {"colour": 1.0}}, "has a field 'colour'"),
        ({"later": 3}, "does not know"),
        ({"formula": ["eval", "1"]}, "no formulas called 'eval'"),
        ({"formula": ["sympify", ["Integer", "1"]]}, "no formulas called 'sympify'"),
        ({"array": "a99"}, "a99"),
    ],
)
def test_what_this_version_does_not_know_is_refused_and_nothing_runs(kept, tree, what):
    rewritten(kept, tree=tree)
    with pytest.raises(InvalidInputError, match=f"cannot be read by this version: .*{what}"):
        st.load(kept)


def test_a_field_that_is_new_takes_its_default(kept):
    header = storage.archive.read(kept)[0]
    del header["tree"]["fields"]["law"]  # as an older version would have written it
    rewritten(kept, tree=header["tree"])
    assert st.load(kept).law is None


@pytest.mark.parametrize("text", ["x*Float", 3, None, ["x"]])
def test_no_text_becomes_a_formula(text):
    with pytest.raises(ValueError):
        _formulas.decode(text)
