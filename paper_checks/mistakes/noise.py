"""Mistakes in the noise of minibatches, in its scale, and in what theory makes of it."""

from sdetheory.claims import Break

_OF_BATCHES = (
    "C32", "C71", "C72", "C93", "SKYL01", "C84", "C85", "C87", "C89", "C90", "C92", "C95",
    "C98", "CS04", "GDG01", "GDG02", "GSZ02", "HHS02", "JKA01", "JKA02", "LMA04", "LMA05", "LTE01", "LTE04",
    "LZU02", "MHB01", "MHB02", "MHB04", "MHB05", "MK02", "MK05", "MK08", "MLPA01", "MLPA02", "MLPA03", "MLPA05",
    "MZLU03", "SHA01", "SED01", "ZLN01", "SKYL03", "WME01", "WME02", "WWS01", "WWS02", "WWS03", "Y02", "Y03",
)  # fmt: skip

BREAKS = (
    Break(
        mistake="g without its −1: εN/B",
        file="sdetheory/hyperparameters.py",
        right='self.train_size - (1 if self.sampling == "with-replacement" else batch_size)',
        wrong="self.train_size",
        claims=("C01", "C03", "C83", "SKYL01", "C78", "C79", "C91"),
    ),
    Break(
        mistake="F with N in its denominator, for N − 1",
        file="sdetheory/models/noise/gradient_noise.py",
        right="return centered.T @ centered / (n - 1)",
        wrong="return centered.T @ centered / n",
        claims=("C01", "C02", "C77"),
    ),
    Break(
        mistake="momentum left out of the noise scale",
        file="sdetheory/hyperparameters.py",
        right="self.learning_rate * (1 - self.dampening) / (1 - self.momentum)",
        wrong="self.learning_rate * (1 - self.dampening)",
        claims=("C93", "C94", "SKYL02"),
    ),
    Break(
        mistake="damped momentum taken for undamped",
        file="sdetheory/hyperparameters.py",
        right="self.learning_rate * (1 - self.dampening) / (1 - self.momentum)",
        wrong="self.learning_rate / (1 - self.momentum)",
        claims=("C93", "C94", "C72"),
    ),
    Break(
        mistake="a batch's gradient with the variance of one example's",
        file="sdetheory/theory/sgd/_sgd_recursion.py",
        right="noise=n * left_out[hp.sampling] / batch,",
        wrong="noise=n * left_out[hp.sampling],",
        claims=_OF_BATCHES,
    ),
    Break(
        mistake="the limit of stability without momentum",
        file="sdetheory/theory/sgd/_sgd_recursion.py",
        right="return 2 * (1 + self.momentum) / (1 + 2 * self.momentum * self.nesterov)",
        wrong="return 2 / (1 + 2 * self.momentum * self.nesterov)",
        claims=("LZU04",),
    ),
    Break(
        mistake="F summed over the examples, without its mean",
        file="sdetheory/models/noise/gradient_noise.py",
        right="return centered.T @ centered / (n - 1)",
        wrong="return centered.T @ centered",
        claims=("C02", "C76", "C78", "C80", "C81", "C88", "C95", "C96", "C97", "HHS01", "MK03", "MK06", "MK07", "Y04"),
    ),
    Break(
        mistake="a tail exponent of single examples, for batches",
        file="sdetheory/theory/sgd/kesten.py",
        right="lambda u: function(1 - rate * u * u / b) * density(u)",
        wrong="lambda u: function(1 - rate * u * u) * density(u)",
        claims=("C90", "C99", "GSZ01", "GSZ02", "GSZ03", "MZLU03"),
    ),
    Break(
        mistake="|G|² for Tr F in a noise scale from two batch sizes",
        file="sdetheory/models/noise/_ratio.py",
        right="return np.array([[inverse, -inverse], [-small / (large - small), large / (large - small)]])",
        wrong="return np.array([[-small / (large - small), large / (large - small)], [inverse, -inverse]])",
        claims=("MK03", "MK04"),
    ),
    Break(
        mistake="a noise scale weighted by the Hessian, with the trace of F alone",
        file="sdetheory/models/noise/gradient_noise_scale.py",
        right="return float(np.sum(H * F)) / bend",
        wrong="return float(np.trace(F)) / bend",
        claims=("MK01", "MK06", "MK08"),
    ),
    Break(
        mistake="SVAG with √l for √(2l − 1)",
        file="sdetheory/training/svag.py",
        right="spread = math.sqrt(2 * factor - 1)",
        wrong="spread = math.sqrt(factor)",
        claims=("LMA01", "LMA02", "LMA03", "CS04"),
    ),
    Break(
        mistake="noise that makes the loss of one run smaller",
        file="sdetheory/theory/sgd/one_way_layout.py",
        right="squares = self.true_noise_variance * (self.group_size - 1) * of_noise + of_start * (far + error)",
        wrong="squares = -self.true_noise_variance * (self.group_size - 1) * of_noise + of_start * (far + error)",
        claims=("C100",),
    ),
    Break(
        mistake="an ensemble of runs with half of the variance",
        file="sdetheory/theory/sgd/one_way_layout.py",
        right="variance = self.noise_variance + 2 * truth * noise * sums[:, None]",
        wrong="variance = self.noise_variance + truth * noise * sums[:, None]",
        claims=("C101",),
    ),
    Break(
        mistake="labels as noisy as the model says, whatever they are",
        file="sdetheory/theory/sgd/one_way_layout.py",
        right="squares = truth + (kept * offset + e) ** 2",
        wrong="squares = self.noise_variance + (kept * offset + e) ** 2",
        claims=("C102",),
    ),
    Break(
        mistake="a batch's gradient without N/B",
        file="sdetheory/models/function_model.py",
        right="return self.train_size / len(indices) * np.sum(self._example_gradients(w, indices), axis=0)",
        wrong="return np.sum(self._example_gradients(w, indices), axis=0)",
        claims=("BGV02", "WME03"),
    ),
)
