"""Mistakes in stationary laws, in times of escape, and in the equations behind them."""

from sdetheory.claims import Break

_LYAPUNOV = (
    "C92", "CS01", "CS02", "LMA02", "LMA04", "LTE04", "MHB01", "MHB02", "MHB03", "MHB06", "MHB07", "MHB08",
    "ZWYWM01", "ZWYWM02", "ZWYWM03",
)  # fmt: skip

BREAKS = (
    Break(
        mistake="Itô's law with Stratonovich's drift",
        file="sdetheory/theory/laws/_potential.py",
        right='"ito": 1.0',
        wrong='"ito": 0.5',
        claims=("C31", "C86", "MZLU02", "CS03", "MZLU05"),
    ),
    Break(
        mistake="Langevin noise √T dW, for √(2T) dW",
        file="sdetheory/equations/langevin.py",
        right="[np.sqrt(2 * temperature)] * len(x),",
        wrong="[np.sqrt(temperature)] * len(x),",
        claims=("C06", "C28"),
    ),
    Break(
        mistake="twice the temperature in Gibbs' law",
        file="sdetheory/theory/laws/gibbs.py",
        right="np.exp((self._lowest - cost(self.landscape, x)) / self.temperature)",
        wrong="np.exp((self._lowest - cost(self.landscape, x)) / (2 * self.temperature))",
        claims=("C07", "C10", "C25", "C26", "C29", "C30", "JKA03", "JKA04"),
    ),
    Break(
        mistake="D for 2D in Lyapunov's equation",
        file="sdetheory/theory/laws/ornstein_uhlenbeck.py",
        right="linalg.solve_continuous_lyapunov(hessian, 2 * diffusion)",
        wrong="linalg.solve_continuous_lyapunov(hessian, diffusion)",
        claims=_LYAPUNOV,
    ),
    Break(
        mistake="D for 2D in the noise that is gathered in a time",
        file="sdetheory/theory/laws/ornstein_uhlenbeck.py",
        right="[[self.hessian, 2 * self.diffusion]",
        wrong="[[self.hessian, self.diffusion]",
        claims=("LTE01", "LTE02", "ZWYWM01", "ZWYWM02", "ZWYWM03"),
    ),
    Break(
        mistake="force times D, for force over D",
        file="sdetheory/theory/laws/_potential.py",
        right="return self.fields.drift(x[:, None])[:, 0] / self._noise(x)",
        wrong="return self.fields.drift(x[:, None])[:, 0] * self._noise(x)",
        claims=("CS03", "JKA04", "MZLU04", "MZLU05", "XSS01", "XSS02", "XSS03"),
    ),
    Break(
        mistake="valley and ridge exchanged in the time of an escape",
        file="sdetheory/theory/escape/escape.py",
        right="(share / valley + (1 - share) / ridge)",
        wrong="(share / ridge + (1 - share) / valley)",
        claims=("XSS01", "XSS03"),
    ),
    Break(
        mistake="half of D on the grid of Fokker and Planck's equation",
        file="sdetheory/theory/grids/_generator.py",
        right="self.f, self.d = fields.drift(self.x), fields.diffusion(self.x)",
        wrong="self.f, self.d = fields.drift(self.x), fields.diffusion(self.x) / 2",
        claims=("C33", "C34"),
    ),
)
