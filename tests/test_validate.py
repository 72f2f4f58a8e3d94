"""What stands for a number, a word, an object or a file, and what is refused by its name and with its remedy."""

import datetime
import decimal
import warnings

import numpy as np
import pytest

from sdetheory import _validate
from sdetheory.errors import InvalidInputError


def _itself():
    value = []
    value.append(value)
    return value


class Stubborn:
    """An object that neither shows itself nor becomes an array, as a tensor with a gradient."""

    def __repr__(self):
        raise RuntimeError("no")

    def __array__(self, *_, **__):
        raise RuntimeError("call detach() first")


def _sparse():
    import scipy.sparse

    return scipy.sparse.eye_array(3)


MASKED = np.ma.masked_values([1.0, -9.0], -9.0)
NO_NUMBERS = [
    (None, "got None"),
    (True, "true or false"),
    (np.True_, "true or false"),
    ("3", "astype"),
    (["cat", "dog"], "return_inverse"),
    (np.array(["cat", "dog"], dtype=object), "return_inverse"),
    (b"3", "astype"),
    ([1j], "real part"),
    (np.array(["2020", "2021"], dtype="M8"), "timedelta64"),
    (np.array([1, 2], dtype="m8[s]"), "timedelta64"),
    (datetime.date(2020, 1, 1), "datetime.date"),
    ([decimal.Decimal(1)], r"astype\(float\)"),
    ([[1], [1, 2]], "rows differ in length"),
    (_itself(), "got "),
    (Stubborn(), r"an object of type Stubborn \(call detach\(\) first\)"),
    ({}, "got {}"),
    ({1.0}, "got {1.0}"),
    ((i for i in range(3)), "generator"),
    (len, "built-in function"),
    (dict, "the class dict"),
    (np.zeros(2, dtype=[("a", float)]), "table"),
    (_sparse(), r"X\.toarray\(\)"),
    (MASKED, "have no masked entries; 1 of 2.*filled"),
    ([MASKED, MASKED], "2 of 4 are masked"),
    (np.ma.masked, "1 of 1 are masked"),
    (float("nan"), "be finite"),
    ([1.0, np.inf], "be finite; 1 of 2"),
]


@pytest.mark.parametrize("check", [_validate.reals, _validate.integers])
@pytest.mark.parametrize(("value", "words"), NO_NUMBERS)
def test_what_is_no_number_is_refused_by_name(check, value, words):
    with pytest.raises(InvalidInputError, match=r"(?s)^X must.*" + words) as refused:
        check("X", value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("value", "right"),
    [
        (range(3), [0, 1, 2]),
        ((1, 2.5), [1, 2.5]),
        ([True, False], [1, 0]),
        (np.float32(0.5), 0.5),
        (np.matrix([[1, 2]]), [[1, 2]]),
        (np.ma.array([1.0, 2.0]), [1, 2]),
        (10**30, 1e30),
        ([2**64, 1], [2.0**64, 1]),
    ],
)
def test_numbers_of_any_origin_are_taken(value, right):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = _validate.reals("X", value)
    assert got.dtype == np.float64
    assert type(got) is np.ndarray
    np.testing.assert_array_equal(got, right)


def test_a_table_is_its_numbers_and_names_the_columns_that_are_none():
    table = pytest.importorskip("pandas").DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.0]})
    for given in (table, table.astype({"a": "Int64"})):
        np.testing.assert_array_equal(_validate.reals("X", given), [[1, 1, 0.5], [2, 0, 1]])
    np.testing.assert_array_equal(_validate.reals("X", table["c"]), [0.5, 1.0])
    with pytest.raises(InvalidInputError, match=r"X must be a table.*the columns \['d'\] are not.*get_dummies"):
        _validate.reals("X", table.assign(d=["x", "y"]))


@pytest.mark.parametrize("value", [2**63, 2**64, 10**400, -(2**63) - 1, 1e300, 2.0**63, [2**63, -1], float(2**53 + 2)])
def test_whole_numbers_that_64_bits_or_a_float_do_not_hold_are_refused(value):
    with pytest.raises(InvalidInputError, match=r"^n_steps must be"):
        _validate.integers("n_steps", value)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 2**53 + 1, [2**53 + 1, 7], np.uint64(2**62), 2.0**53, 0, 3.0])
def test_whole_numbers_are_kept_to_the_last_digit(value):
    got = _validate.integers("n", value)
    assert got.dtype == np.int64
    assert got.tolist() == value


def test_bounds_of_whole_numbers_are_compared_exactly():
    assert _validate.integer("n", 2**53 + 1, at_most=2**53 + 1) == 2**53 + 1
    with pytest.raises(InvalidInputError, match="n must be <="):
        _validate.integer("n", 2**53 + 1, at_most=2**53)


def test_numbers_too_large_for_a_float_are_refused():
    with pytest.raises(InvalidInputError, match="x must be numbers that a float holds"):
        _validate.reals("x", 10**400)
    with pytest.raises(InvalidInputError, match=r"n must be below 2..63.*an object of type int"):
        _validate.integers("n", 10**5000)
    with pytest.raises(InvalidInputError, match="x must be finite"):
        _validate.reals("x", np.finfo(np.longdouble).max)


@pytest.mark.parametrize("check", [_validate.reals, _validate.integers])
def test_read_only_and_strided_arrays_get_the_layout_of_others(check):
    value = np.arange(12.0).reshape(3, 4).T[::2]
    value.flags.writeable = False
    for given in (value, np.broadcast_to(np.float64(2.0), (3, 2)), np.frombuffer(np.arange(3.0).tobytes())):
        got = check("x", given)
        assert got.flags.c_contiguous
        assert got.flags.writeable
        np.testing.assert_array_equal(got, given)


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [
        ((None, None), [1.0, 2.0], r"X\[:, None\].*X\[None, :\]"),
        ((None, 3), [1.0, 2.0, 3.0], r"X\[None, :\]"),
        ((None,), [[1.0], [2.0]], "ravel"),
        ((), [1.0], r"\(\); got shape \(1,\)"),
    ],
)
def test_a_wrong_shape_names_the_way_out(shape, value, words):
    with pytest.raises(InvalidInputError, match="X must have shape .*" + words):
        _validate.reals("X", value, shape=shape)


@pytest.mark.parametrize(
    "value", [None, 3, True, ["heun"], np.array(["heun", "platen"]), np.array("heun"), {}, len, b"heun", "h" * 10**6]
)
def test_what_is_no_word_is_refused_by_name(value):
    with pytest.raises(InvalidInputError, match=r"^method must be one of 'heun', 'platen'; got") as refused:
        _validate.choice("method", value, ["heun", "platen"])
    assert len(str(refused.value)) < 200


def test_a_word_that_is_nearly_right_is_named():
    with pytest.raises(InvalidInputError, match="mean 'heun'"):
        _validate.choice("method", "heum", ["heun", "platen"])
    assert type(_validate.choice("method", np.str_("heun"), ["heun"])) is str


def test_flags_are_true_or_false_and_nothing_else():
    assert _validate.flag("exact", np.True_) is True
    for value in (1, 0.0, None, "yes", [], np.array([True, False])):
        with pytest.raises(InvalidInputError, match="exact must be True or False; got"):
            _validate.flag("exact", value)


def test_objects_of_another_kind_are_refused_by_name():
    assert _validate.instance("day", datetime.date(2020, 1, 1), datetime.date) == datetime.date(2020, 1, 1)
    with pytest.raises(InvalidInputError, match=r"day must be of type date or time; got 3\. Use today\(\)\."):
        _validate.instance("day", 3, (datetime.date, datetime.time), hint="Use today().")
    with pytest.raises(InvalidInputError, match="day must be of type date; got the class date"):
        _validate.instance("day", datetime.date, datetime.date)
    for value in (3, datetime.date):
        with pytest.raises(InvalidInputError, match="day must be a day, an object with year, month; got"):
            _validate.having("day", value, ["year", "month"], "a day")
    assert _validate.having("day", datetime.date(2020, 1, 1), ["year"], "a day").year == 2020
    with pytest.raises(InvalidInputError, match="drift must be a function of x; got 3"):
        _validate.function("drift", 3, "of x")
    with pytest.raises(InvalidInputError, match="name must be a string; got 3"):
        _validate.text("name", 3)
    for value in (3, [("k", 1)], {1: 2}):
        with pytest.raises(InvalidInputError, match="parameters must be a dict of numbers by name; got"):
            _validate.mapping("parameters", value, "numbers")


def test_paths_that_no_file_can_have_are_refused(tmp_path):
    new = tmp_path / "run.npz"
    assert _validate.file_path("checkpoint", str(new)) == new.resolve()
    new.touch()
    assert _validate.file_path("checkpoint", new) == new.resolve()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    strange = ["", ".", tmp_path, tmp_path / "no" / "run.npz", new / "run.npz", "a\0b", "x" * 5000, "\ud800", loop]
    for value in [*strange, b"run.npz", 3, None, True, ["run.npz"], len]:
        with pytest.raises(InvalidInputError, match=r"^checkpoint must be") as refused:
            _validate.file_path("checkpoint", value)
        assert len(str(refused.value)) < 300


@pytest.mark.parametrize("value", [-1, 1.5, True, "seed", [1, 2], None.__class__, np.random.RandomState(1)])
def test_what_is_no_seed_is_refused(value):
    with pytest.raises(InvalidInputError, match=r"^rng must be"):
        _validate.seed_sequence(value)


def test_a_matrix_of_the_largest_numbers_is_compared_without_overflow():
    with pytest.raises(InvalidInputError, match="A must be symmetric"):
        _validate.symmetric("A", [[1.0, 1e308], [-1e308, 1.0]], 2)
    np.testing.assert_array_equal(_validate.symmetric("A", [[1.0, 1e308], [1e308, 1.0]], 2)[0], [1.0, 1e308])


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1.0, 1e150])
def test_whether_a_matrix_is_definite_depends_neither_on_units_nor_on_rounding(scale):
    """A diagonal is definite whatever its entries; a matrix of rank one is not, though rounding may say otherwise."""
    units = np.diag([1.0, scale, 1.0])
    coupled = units @ np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]]) @ units
    np.testing.assert_array_equal(_validate.positive_definite("m", coupled, 3), coupled)
    rng = np.random.default_rng(0)
    for _ in range(100):
        vector = np.diag(units) * rng.uniform(1.0, 2.0, 3)
        with pytest.raises(InvalidInputError, match="m must be positive definite, beyond rounding"):
            _validate.positive_definite("m", np.outer(vector, vector), 3)
