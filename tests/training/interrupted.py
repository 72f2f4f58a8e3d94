"""A model of the user's own that Ctrl-C meets in a given gradient, beside the one of the package that it repeats."""

import signal

import numpy as np

from sdetheory.models import LogisticRegression

N = 24


def regression():
    X = np.cos(np.arange(3.0 * N)).reshape(N, 3)
    return LogisticRegression(X, np.arange(N) % 2, prior_precision=0.3)


class Model:
    """The same model as one of the user's own, which goes through the loop; Ctrl-C comes in a given gradient."""

    train_size, dimension = N, 3

    def __init__(self, ctrl_c=0):
        self.model, self.ctrl_c, self.calls = regression(), ctrl_c, 0

    def minibatch_gradient(self, w, indices):
        self.calls += 1
        if self.calls == self.ctrl_c:
            signal.raise_signal(signal.SIGINT)
        return self.model.minibatch_gradient(w, indices)
