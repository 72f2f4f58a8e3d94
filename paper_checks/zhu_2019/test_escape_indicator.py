"""Section 3: how fast noise drives the loss up from a minimum."""

import math

import numpy as np
import pytest
import scipy.linalg

import sdetheory as st

ALPHA = 1e-6
HESSIAN = np.array([[2.0, 0.7], [0.7, 9.0]])
ISOTROPIC = np.trace(HESSIAN) / 2 * np.eye(2)


def rise(noise, times):
    """Return the mean loss above the minimum, from the covariance of the linear equation at each time."""
    law = st.theory.ornstein_uhlenbeck(HESSIAN, noise / 2)
    return np.array([float(np.trace(HESSIAN @ law.covariance_at(t, np.zeros((2, 2))))) / 2 for t in times])


def formula(noise, times):
    """Return ¼Tr((I − e^{−2Ht})Σ)."""
    return np.array([float(np.trace((np.eye(2) - scipy.linalg.expm(-2 * t * HESSIAN)) @ noise)) / 4 for t in times])


@pytest.mark.claim("ZWYWM01")
def test_mean_loss_grows_as_a_quarter_of_the_trace_of_one_less_exp_times_the_noise(record, rng, full):
    """Witnesses: the formula, the law of the linear equation, and paths up to t = 0.1, for a noise that is oblique.

    An error of a tenth would matter; a square of normal numbers has at most the relative deviation √2.
    """
    noise, times = np.array([[4.0, 1.0], [1.0, 1.5]]), np.array([0.01, 0.1, 1.0])
    wrong = {"e^{−Ht}": formula(noise, times / 2), "linear in t": times * np.trace(HESSIAN @ noise) / 2}
    record(label="law of the linear equation", predicted=formula(noise, times), measured=rise(noise, times), rtol=1e-9,
           wrong_predictions=wrong)  # fmt: skip
    paths = st.stats.required_samples(deviation=math.sqrt(2), effect=0.1, alpha=ALPHA, power=1 - 1e-6)
    root = np.linalg.cholesky(noise)
    sde = st.SDE.from_sympy(
        [f"-({HESSIAN[i, 0]}*x + {HESSIAN[i, 1]}*y)" for i in range(2)],
        [[str(entry) for entry in row] for row in root],
        variables=["x", "y"],
    )
    steps, end = 400, 0.1
    final = st.simulate(sde, [0.0, 0.0], dt=end / steps, n_steps=steps, rng=rng,
                        n_paths=paths if full is None else 10 * paths).final  # fmt: skip
    losses = np.einsum("ni,ij,nj->n", final, HESSIAN, final) / 2
    measured = st.stats.mean_estimate(losses)
    wrong = {"linear in t": end * np.trace(HESSIAN @ noise) / 2, "e^{−Ht}": formula(noise, [end / 2])[0]}
    record(label="paths", predicted=formula(noise, [end])[0], measured=measured, alpha=ALPHA, wrong_predictions=wrong)


@pytest.mark.claim("ZWYWM02")
def test_trace_of_hessian_times_noise_is_the_rate_of_escape_at_first(record):
    """½tTr(HΣ) less the mean loss, from t = 0.004 to 0.001: of second order."""
    times = np.array([0.004, 0.002, 0.001])
    indicator = np.trace(HESSIAN @ HESSIAN) / 2
    record(label="rate at t = 1e-6", predicted=indicator, measured=rise(HESSIAN, [1e-6])[0] / 1e-6, rtol=1e-4,
           wrong_predictions={"isotropic": np.trace(HESSIAN @ ISOTROPIC) / 2, "Tr(HΣ)": 2 * indicator})  # fmt: skip
    errors = indicator * times - rise(HESSIAN, times)
    record(
        label="order of the remainder in t",
        predicted=2.0,
        measured=np.diff(np.log(errors)) / np.diff(np.log(times)),
        rtol=0.05,
        wrong_predictions={"first order": 1.0, "third": 3.0},
    )


@pytest.mark.claim("ZWYWM03")
def test_noise_like_the_hessian_raises_the_loss_more_than_isotropic_noise_of_the_same_trace(record):
    """The ratio is d Tr H²/(Tr H)² = 1.42 at first; at t = 10 it is 1, as the loss at rest is ¼Tr Σ."""
    at_first, at_rest = (rise(HESSIAN, [t])[0] / rise(ISOTROPIC, [t])[0] for t in (1e-6, 10.0))
    ratio = 2 * np.trace(HESSIAN @ HESSIAN) / np.trace(HESSIAN) ** 2
    record(label="ratio at t = 10", predicted=1.0, measured=at_rest, rtol=1e-6,
           wrong_measurements={"at first": at_first})  # fmt: skip
    record(
        label="ratio at t = 1e-6",
        predicted=ratio,
        measured=at_first,
        rtol=1e-4,
        wrong_measurements={"at t = 10": at_rest},
        wrong_predictions={"none": 1.0},
    )
