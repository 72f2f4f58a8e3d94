"""Hyperparameters of SGD, the noise scale they amount to, and the scaling rules that keep it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _display, _validate
from .errors import InvalidInputError

_SAMPLINGS = ("without-replacement", "with-replacement", "poisson")


def _stored(array: np.ndarray) -> Any:
    """Return a Python number for a scalar, else a read-only copy that nobody else can change."""
    own = np.array(array)
    own.flags.writeable = False
    return own if own.ndim else own.item()


def _broadcast(**values: ArrayLike) -> list[np.ndarray]:
    try:
        return list(np.broadcast_arrays(*values.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {np.shape(value)}" for name, value in values.items())
        raise InvalidInputError(
            f"shapes must broadcast against each other; got {shapes}. Put each varied quantity on an axis of its own."
        ) from None


# Fields may be arrays, whose == is no single truth value and which have no hash; so objects compare by identity.
@_display.shown
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SGDHyperparameters:
    r"""What defines a run of SGD besides the model: learning rate, data and batch size, momentum.

    One step, on the total (summed) cost C = Σᵢ Cᵢ with the minibatch estimate Ĝ = (N/B) Σ_{i ∈ batch} ∇Cᵢ, is

    .. math:: v \leftarrow m v - (1 - \tau) \frac{\epsilon}{N} \hat G, \qquad w \leftarrow w + v .

    Parameters
    ----------
    learning_rate : float or array_like
        ε > 0; it multiplies the *mean* gradient.
    train_size : int or array_like
        N ≥ 2 (a single example has no gradient covariance).
    batch_size : int or array_like
        B, from 1 to N.
    momentum : float or array_like
        0 ≤ m < 1.
    dampening : float or array_like
        0 ≤ τ < 1; τ = 0 is the undamped heavy ball, τ = m the damped one.
    sampling : {"without-replacement", "with-replacement", "poisson"}
        How the examples of one batch are drawn. Batches of different steps are independent. "poisson" takes each
        example with probability B/N, independently, so that B is the mean size of a batch, and the divisor in Ĝ
        whatever the size: the estimate is unbiased, and zero for an empty batch.

    Attributes
    ----------
    exact_batch_size : float or ndarray
        The real number that was rounded to `batch_size` by the ``with_*`` methods; equal to `batch_size` when that
        was given directly.

    Raises
    ------
    InvalidInputError
        If a number is out of its range, B > N, or shapes do not broadcast.

    Notes
    -----
    Numeric fields may be arrays that broadcast; scalars are stored as Python numbers, arrays as read-only copies.

    The ``with_*`` methods change one quantity and answer with the batch size that keeps the noise scale g, by the
    exact rule and not by its N ≫ B shortcut B ∝ εN/(1 − m):

    .. math::
        B' = \frac{N}{1 + g (1 - m) / (\epsilon (1 - \tau))} \;\text{(without replacement)}, \qquad
        B' = \frac{\epsilon (N - 1) (1 - \tau)}{g (1 - m)} \;\text{(with replacement)},

    .. math::
        B' = \frac{N}{1 + g N (1 - m) / (\epsilon (N - 1) (1 - \tau))} \;\text{(Poisson)}.

    A batch is a whole number, so the g of the result (`noise_scale`) is off by the rounding. What the next call keeps
    is `target_noise_scale`, the g of `exact_batch_size`: roundings never add up along a chain of calls, and going
    back gives the batch size one came from.

    References
    ----------
    S. L. Smith and Q. V. Le, "A Bayesian Perspective on Generalization and Stochastic Gradient Descent", ICLR 2018,
    arXiv:1710.06451, Section 5 (Eqs. 11 and 12) and Appendix D.

    Examples
    --------
    >>> start = SGDHyperparameters(learning_rate=0.1, train_size=1000, batch_size=32)
    >>> doubled = start.with_learning_rate(0.2)
    >>> doubled.batch_size, round(doubled.exact_batch_size, 3)
    (62, 62.016)
    >>> round(start.noise_scale, 4), round(doubled.noise_scale, 4), round(doubled.target_noise_scale, 4)
    (3.025, 3.0258, 3.025)
    >>> doubled.with_learning_rate(0.1).batch_size
    32
    """

    learning_rate: Any
    train_size: Any
    batch_size: Any
    momentum: Any = 0.0
    dampening: Any = 0.0
    sampling: str = "without-replacement"
    exact_batch_size: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        checked = {
            "learning_rate": _validate.reals("learning_rate", self.learning_rate, above=0.0),
            "train_size": _validate.integers("train_size", self.train_size, at_least=2),
            "batch_size": _validate.integers("batch_size", self.batch_size, at_least=1),
            "momentum": _validate.reals("momentum", self.momentum, at_least=0.0, below=1.0),
            "dampening": _validate.reals("dampening", self.dampening, at_least=0.0, below=1.0),
        }
        _, train, batch, *_ = _broadcast(**checked)
        if (batch > train).any():
            first = np.argmax(batch > train)
            raise InvalidInputError(
                f"batch_size must be at most train_size; got {batch.flat[first]} of {train.flat[first]} examples. "
                "Use a smaller batch, or batch_size=train_size for gradient descent on the full batch."
            )
        for name, array in checked.items():
            object.__setattr__(self, name, _stored(array))
        object.__setattr__(self, "sampling", _validate.choice("sampling", self.sampling, _SAMPLINGS))
        object.__setattr__(self, "exact_batch_size", _stored(checked["batch_size"].astype(np.float64)))

    @property
    def noise_scale(self) -> Any:
        """Noise scale g of dw = −∇C dt + √(g F(w)) dW (Itô), as given by :func:`noise_scale`."""
        return self._noise_scale_at(self.batch_size)

    @property
    def target_noise_scale(self) -> Any:
        """Noise scale at `exact_batch_size`: `noise_scale` before the batch was rounded, kept by the next call."""
        return self._noise_scale_at(self.exact_batch_size)

    @property
    def step_time(self) -> Any:
        """SDE time of one step, ε(1 − τ)/((1 − m)N): after transients it moves as far as (1 − τ)/(1 − m) plain ones."""
        return self.effective_learning_rate / self.train_size

    def with_learning_rate(self, learning_rate: ArrayLike) -> SGDHyperparameters:
        """Return the hyperparameters of another learning rate with the same noise scale.

        Parameters
        ----------
        learning_rate : float or array_like
            The new ε.

        Returns
        -------
        SGDHyperparameters
            With the batch size rounded to the nearest integer; see the Notes of the class.

        Raises
        ------
        InvalidInputError
            If no batch size from 1 to N has this noise scale.
        """
        return self.keeping_noise_scale(learning_rate=learning_rate)

    def with_train_size(self, train_size: ArrayLike) -> SGDHyperparameters:
        """Return the hyperparameters of another training set size with the same noise scale.

        Parameters
        ----------
        train_size : int or array_like
            The new N.

        Returns
        -------
        SGDHyperparameters
            With the batch size rounded to the nearest integer; see the Notes of the class.

        Raises
        ------
        InvalidInputError
            If no batch size from 1 to the new N has this noise scale.
        """
        return self.keeping_noise_scale(train_size=train_size)

    def with_momentum(self, momentum: ArrayLike, *, dampening: ArrayLike | None = None) -> SGDHyperparameters:
        """Return the hyperparameters of another momentum with the same noise scale.

        Parameters
        ----------
        momentum : float or array_like
            The new m.
        dampening : float or array_like, optional
            The new τ. By default the convention stays: a damped heavy ball (τ = m > 0) stays damped, any other τ is
            left as it is. Plain SGD (m = τ = 0) says nothing about the convention and becomes undamped.

        Returns
        -------
        SGDHyperparameters
            With the batch size rounded to the nearest integer; see the Notes of the class.

        Raises
        ------
        InvalidInputError
            If no batch size from 1 to N has this noise scale.
        """
        if dampening is None:
            momentum = _validate.reals("momentum", momentum, at_least=0.0, below=1.0)
            new, old, tau = _broadcast(momentum=momentum, old_momentum=self.momentum, dampening=self.dampening)
            dampening = np.where((tau == old) & (old > 0), new, tau)
        return self.keeping_noise_scale(momentum=momentum, dampening=dampening)

    @property
    def effective_learning_rate(self) -> Any:
        """Learning rate ε(1 − τ)/(1 − m) of plain SGD that moves as far, after transients."""
        return self.learning_rate * (1 - self.dampening) / (1 - self.momentum)

    def _noise_scale_at(self, batch_size: Any) -> Any:
        # (N − B)/B and not N/B − 1, which cancels when the batch is nearly the whole training set.
        left_out = self.train_size - (1 if self.sampling == "with-replacement" else batch_size)
        return self.effective_learning_rate * self._share(self.train_size) * left_out / batch_size

    def _share(self, train_size: Any) -> Any:
        """Return the share that Poisson sampling has of the noise of batches without replacement."""
        return (train_size - 1) / train_size if self.sampling == "poisson" else 1

    def keeping_noise_scale(self, **changes: Any) -> SGDHyperparameters:
        """Return the hyperparameters with several changes at once and the batch size that keeps the noise scale.

        Parameters
        ----------
        **changes
            New values by name: of the learning rate, the training set size, momentum, dampening.

        Returns
        -------
        SGDHyperparameters
            With the batch size rounded to the nearest integer; see the Notes of the class.

        Raises
        ------
        InvalidInputError
            If no batch size from 1 to N has this noise scale, or a name is not one of those.
        """
        for name in changes:
            _validate.choice("the name of a change", name, ("learning_rate", "train_size", "momentum", "dampening"))
        target = self.target_noise_scale
        draft = dataclasses.replace(self, batch_size=1, **changes)  # always admissible: this checks only the changes
        rate, train, noise = _broadcast(
            effective_rate=draft.effective_learning_rate, train_size=draft.train_size, noise_scale_to_keep=target
        )
        if self.sampling == "with-replacement":
            exact = rate * (train - 1) / noise
        else:
            exact = train / (1 + noise / (rate * self._share(train)))
        batch = np.rint(exact)
        refused = (batch < 1) | (batch > train)
        if refused.any():
            first = np.argmax(refused)
            raise InvalidInputError(
                f"keeping the noise scale {noise.flat[first]:.6g} needs a batch size from 1 to {train.flat[first]}; "
                f"got {exact.flat[first]:.3g} from the scaling rule. Change {' and '.join(changes)} by less, "
                "or construct SGDHyperparameters with a batch size of your choice and so another noise scale."
            )
        new = dataclasses.replace(draft, batch_size=batch)
        object.__setattr__(new, "exact_batch_size", _stored(exact))
        return new


def noise_scale(
    learning_rate: ArrayLike,
    train_size: ArrayLike,
    batch_size: ArrayLike,
    *,
    momentum: ArrayLike = 0.0,
    dampening: ArrayLike = 0.0,
    sampling: str = "without-replacement",
) -> Any:
    r"""Return the noise scale g of SGD, the g in dw = −∇C dt + √(g F(w)) dW (Itô, total cost C).

    .. math::
        g = \epsilon \left(\frac{N}{B} - 1\right) \frac{1 - \tau}{1 - m} \;\text{(without replacement)}, \qquad
        g = \epsilon \frac{N - 1}{B} \, \frac{1 - \tau}{1 - m} \;\text{(with replacement)},

    .. math::
        g = \epsilon \left(\frac{N}{B} - 1\right) \left(1 - \frac1N\right) \frac{1 - \tau}{1 - m} \;\text{(Poisson)}.

    Parameters
    ----------
    learning_rate, train_size, batch_size, momentum, dampening, sampling
        As in :class:`SGDHyperparameters`; arrays broadcast.

    Returns
    -------
    float or ndarray
        g ≥ 0, a float if every argument is a scalar.

    Raises
    ------
    InvalidInputError
        If a number is out of its range, B > N, or shapes do not broadcast.

    Notes
    -----
    F is the covariance of the per-example gradients with N − 1 in the denominator. This makes both lines exact:
    the minibatch gradient Ĝ has covariance N(N/B − 1)F without replacement. With replacement it has N²F_pop/B with
    F_pop = F(N − 1)/N, hence N(N − 1)F/B, which does not vanish at B = N. Poisson sampling, each example with
    probability B/N, has (N/B − 1) Σᵢ ∇Cᵢ ∇Cᵢᵀ = (N/B − 1) ((N − 1) F + ∇C ∇Cᵀ/N): g is the factor of F, and in the SDE
    F + ∇C ∇Cᵀ/(N(N − 1)) stands for F, which is F itself at a stationary point. All are εN/B for N ≫ B, a shortcut
    never taken here.

    The momentum factor is that of the SDE limit: it holds for times long against the 1/(1 − m) steps of memory.

    References
    ----------
    S. L. Smith and Q. V. Le, arXiv:1710.06451, Section 5 (below Eq. 12) and Appendix D.

    Examples
    --------
    >>> round(noise_scale(0.1, 1000, 32), 6)
    3.025
    >>> noise_scale(1.0, 1000, [10, 100, 1000])
    array([99.,  9.,  0.])
    """
    return SGDHyperparameters(
        learning_rate=learning_rate,
        train_size=train_size,
        batch_size=batch_size,
        momentum=momentum,
        dampening=dampening,
        sampling=sampling,
    ).noise_scale
