"""Itô calculus on expressions, against definitions written out and against finite differences."""

import itertools

import numpy as np
import pytest
import sympy

from sdetheory.symbolic.calculus import ito

X, Y, Z, S, T = sympy.symbols("x y z s t", real=True)


@pytest.mark.parametrize(
    ("matrix", "variables", "expected"),
    [
        ([[S]], [X], "additive"),
        ([[S, 0], [T, 1]], [X, Y], "additive"),
        ([[X]], [X], "scalar"),
        ([[X * Y], [1]], [X, Y], "scalar"),
        ([[X, 0], [0, sympy.sin(Y)]], [X, Y], "diagonal"),
        ([[X, 0], [0, 1]], [X, Y], "diagonal"),
        ([[X, 2 * X]], [X], "commutative"),
        ([[X, -Y], [Y, X]], [X, Y], "commutative"),
        ([[X, 0, 0], [0, X * Y, 0], [0, 0, 1]], [X, Y, Z], "general"),
        ([[Y, 0], [0, X]], [X, Y], "general"),
        ([[1, 0], [0, X]], [X, Y], "general"),
        ([[0, X], [Y, 0]], [X, Y], "commutative"),
        ([[1, 1], [X, X]], [X, Y], "commutative"),
        ([[X - X, 1]], [X], "additive"),
        ([[X * sympy.cos(S) ** 2 + X * sympy.sin(S) ** 2, X]], [X], "commutative"),
    ],
)
def test_noise_types(matrix, variables, expected):
    assert ito.noise_type(sympy.Matrix(matrix), variables) == expected


GENERAL = sympy.Matrix([[X * Y, sympy.sin(X)], [Y**2, sympy.exp(Y / 3)], [Z * X, 1 + Z]])


def numeric(expressions, point):
    return np.array(sympy.lambdify([X, Y, Z], list(expressions))(*point), dtype=float)


def columns(point):
    return numeric(GENERAL, point).reshape(3, 2)


def along(j, point, h=1e-5):
    """Return L^j B by central differences along column j."""
    step = h * columns(point)[:, j]
    return (columns(point + step) - columns(point - step)) / (2 * h)


POINT = np.array([0.3, -0.7, 1.1])


def test_the_correction_agrees_with_finite_differences():
    expected = sum(along(j, POINT)[:, j] for j in range(2)) / 2
    measured = numeric(ito.stratonovich_correction(GENERAL, [X, Y, Z]), POINT)
    np.testing.assert_allclose(measured, expected, rtol=1e-8)
    # Negative control: derivatives along rows instead of columns.
    assert np.abs(measured - sum(along(j, POINT)[:, 1 - j] for j in range(2)) / 2).max() > 1e-2


def test_milsteins_terms_agree_with_finite_differences():
    expected = [
        along(j, POINT)[i, j] if j == k else along(j, POINT)[i, k] + along(k, POINT)[i, j]
        for i in range(3)
        for j, k in itertools.combinations_with_replacement(range(2), 2)
    ]
    np.testing.assert_allclose(
        numeric(ito.milstein_terms(GENERAL, [X, Y, Z], diagonal=False), POINT), expected, rtol=1e-8
    )


def test_milsteins_terms_of_diagonal_noise():
    matrix = sympy.diag(S * X, sympy.sin(Y))
    assert ito.milstein_terms(matrix, [X, Y], diagonal=True) == [S**2 * X, sympy.sin(Y) * sympy.cos(Y)]


def test_additive_noise_has_neither_terms_nor_correction():
    matrix = sympy.Matrix([[S, T], [1, 0]])
    assert ito.stratonovich_correction(matrix, [X, Y]) == [0, 0]
    assert not any(ito.milstein_terms(matrix, [X, Y], diagonal=False))
