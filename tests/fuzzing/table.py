# ruff: noqa: C408 (a dict of arguments reads as a call)
"""The right arguments of every public callable, as few and small as they can be; and the objects that have methods.

A callable that goes several ways has several entries, which say which in brackets: "sgd (Adam)".
"""

import functools
import importlib.util
import pathlib
import tempfile

import numpy as np
import sympy

import sdetheory as st

once = functools.cache

RNG = np.random.default_rng(1710)
X = RNG.standard_normal((8, 2))
Y = X @ [1.0, -2.0] + 0.1 * RNG.standard_normal(8)
LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1])
CLASSES = np.array([0, 1, 2, 0, 1, 2, 0, 1])
W = np.array([0.3, -0.2])
GRADIENTS = RNG.standard_normal((8, 2))
H = np.array([[2.0, 0.3], [0.3, 1.0]])
F = np.array([[1.0, 0.2], [0.2, 0.5]])
x, y, t = sympy.symbols("x y t", real=True)
c = sympy.Symbol("c")
k, s, dt = sympy.symbols("k s h", positive=True)
HP = st.SGDHyperparameters(learning_rate=0.1, train_size=8, batch_size=4)


# ---- objects
@once
def well():
    return st.landscapes.double_well()


@once
def plane():
    return st.Landscape.from_sympy("(x**2 - 1)**2 / 4 + k * y**2", variables=["x", "y"], parameters={"k": 1.0})


@once
def ou():
    return st.SDE.from_sympy(["-k*x"], ["1"], variables=["x"], parameters={"k": 1.0})


@once
def ito():
    return st.symbolic.ItoSDE(-k * x, s, x)


@once
def brownian():
    return st.symbolic.ItoSDE(0, s, x)


@once
def layout():
    return st.theory.OneWayLayout(train_size=8, learning_rate=0.5, inputs=[1.0, 2.0], n_steps=3)


@once
def data_set():
    return st.datasets.Dataset(x_train=X, y_train=LABELS, x_test=X, y_test=LABELS)


@once
def idx_folder():
    folder = pathlib.Path(tempfile.mkdtemp())
    for part in ("train", "t10k"):
        images, labels = (folder / f"{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1"))
        images.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 255]))
        labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
    return folder


@once
def linear():
    return st.evidence.LinearModel(X, Y)


@once
def least_squares():
    return st.models.LinearRegression(X, Y)


@once
def rmsprop_equation():
    return st.sgd_sde(least_squares(), HP, optimizer=st.RMSprop())


@once
def adam_equation():
    return st.sgd_sde(least_squares(), HP, optimizer=st.Adam())


@once
def logistic():
    return st.models.LogisticRegression(X, LABELS, prior_precision=1.0)


@once
def poisson():
    return st.models.PoissonRegression(X, CLASSES, prior_precision=1.0)


@once
def probit():
    return st.models.ProbitRegression(X, LABELS, prior_precision=1.0)


@once
def softmax():
    return st.models.SoftmaxRegression(X, CLASSES, prior_precision=1.0)


@once
def network():
    return st.models.ReLUNetwork(X, CLASSES, hidden=3, prior_precision=1.0)


@once
def function_model():
    return st.models.FunctionModel(
        cost=lambda w: 4.0 * float(w @ w),
        example_gradients=lambda w, i: np.tile(np.asarray(w), (len(i), 1)),
        hessian_vector_product=lambda w, v: 8.0 * np.asarray(v),
        train_size=8,
        dimension=2,
    )


def adapted():
    """Return the arguments of a model of a module, or of a function of JAX."""
    import torch

    module = torch.nn.Linear(2, 3).double()
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    return dict(module=module, loss=loss, inputs=torch.tensor(X), targets=torch.tensor(CLASSES))


@once
def adapted_model():
    return st.models.from_torch(**adapted())


@once
def monitor():
    monitor = st.models.NoiseScaleMonitor(4, 8)
    for rows in GRADIENTS.reshape(4, 2, 2):
        monitor.update_from_gradients(rows + 1)
    return monitor


@once
def weight_model():
    return st.evidence.WeightModel(
        log_likelihood=lambda w: -0.5 * np.sum((w - 1) ** 2, axis=-1), log_prior=lambda w: -0.5 * np.sum(w**2, axis=-1),
        start=np.zeros(2),
    )  # fmt: skip


@once
def weight_of_one():
    return st.evidence.WeightModel.of(st.models.LogisticRegression(X[:, :1], LABELS, prior_precision=1.0))


@once
def fit():
    return st.evidence.laplace(logistic(), 1.0)


@once
def network_fit():
    return st.evidence.laplace(network(), 1.0, about=network().initial(0))


@once
def law():
    return st.theory.gibbs(well(), 0.5)


@once
def law2():
    return st.theory.gibbs(st.landscapes.quadratic([[2.0, 0.0], [0.0, 1.0]]), 0.5)


@once
def grid():
    return st.theory.Grid((-4.5, 4.5), 48)


def decay(x):
    return -np.asarray(x)


@once
def density():
    return st.theory.fokker_planck(decay, 0.5, grid())


@once
def line():
    return st.theory.stationary_law(decay, 0.5)


@once
def process():
    return st.theory.ornstein_uhlenbeck(H, F)


@once
def sample():
    return st.sample_stationary(
        ou(), [0.0], dt=0.1, n_paths=8, burn_in=20, n_steps=200, bins=[np.linspace(-3, 3, 13)], rng=0
    )


@once
def passage():
    return st.first_passage(ou(), [0.0], target=("above", 0.5), dt=0.1, max_steps=500, n_paths=8, rng=0)


@once
def order():
    return st.convergence_study(ou(), [1.0], time=1.0, dts=[0.25, 0.125, 0.0625], n_paths=64, rng=0)


@once
def comparison():
    return st.compare(
        least_squares(), HP, W, n_steps=8, n_runs=16, n_records=2, svag=(2,), halvings=1, multiples=(2,), rng=0
    )


@once
def chains():
    return st.simulate(ou(), [0.5], dt=0.05, n_steps=8, n_paths=2, rng=0, save_every=1)


@once
def rotation():
    return st.SDE.from_sympy(["y", "-x"], ["0", "1"], variables=["x", "y"])


@once
def kept():
    path = pathlib.Path(tempfile.mkdtemp()) / "result.npz"
    st.save(estimate(), path)
    return path


def problem(seed, train_size):
    """Return the least problem of a batch-size study."""
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((train_size, 2))
    model = st.models.LogisticRegression(inputs, (inputs[:, 0] > 0).astype(int))
    return model, {"accuracy": model.accuracy}, np.zeros(2)


@once
def study():
    """Return a study of three seeds whose metric peaks at the batch size 40 ε."""
    rows = [(b, e, s) for s in range(3) for e in (0.1, 0.2, 0.4) for b in (1, 2, 4, 8, 16, 32, 64)]
    batch, rate, seed = map(np.array, zip(*rows, strict=True))
    accuracy = 1 - 0.05 * np.log2(batch / (40 * rate)) ** 2 + 0.001 * seed
    table = np.rec.fromarrays(
        [
            seed,
            rate,
            np.full(len(rows), 64),
            0.0 * rate,
            0.0 * rate,
            batch,
            0 * seed + 9,
            np.full(len(rows), "ended"),
            0 * seed - 1,
            0.0 * rate,
            accuracy,
        ],
        names="seed,learning_rate,train_size,momentum,dampening,batch_size,n_steps,outcome,diverged_at,seconds,accuracy",
    )
    return st.BatchSizeStudy(table=table, metrics=("accuracy",), settings={}, versions={}, n_missing=0)


@once
def saved():
    path = pathlib.Path(tempfile.mkdtemp()) / "study.csv"
    st.batch_size_study(
        problem, learning_rates=[0.1], train_sizes=[8], batch_sizes=[2, 4], n_steps=1, seeds=[0], path=path
    )
    return path


@once
def estimate():
    return st.Estimate(value=1.0, stderr=0.1, n_eff=10)


@once
def pair():
    return st.Estimate(value=np.ones(2), stderr=np.full(2, 0.1), n_eff=10.0)


def derivation():
    d = st.symbolic.Derivation("a title")
    d.assume(k, "a positive number")
    return d


def defined():
    d = st.symbolic.Derivation("a title")
    d.assume(k, "a positive number")
    d.define(c, 2 * k, "twice k")
    return d


def empty_derivation():
    return st.symbolic.Derivation("a title")


MAP = st.evidence.SINH
SMOOTH_MAP = st.evidence.SmoothMap(
    lambda v: 2 * v, lambda w: w / 2, lambda v: np.broadcast_to(2 * np.eye(2), (*np.shape(v), 2))
)
LINEAR_MAP = st.evidence.LinearMap(np.array([[2.0, 0.0], [0.0, 1.0]]))

RUN = dict(x0=[0.5], dt=0.05, n_steps=4, n_paths=2, rng=0)
SGD = dict(model=st.models.LinearRegression(X, Y), hp=HP, w0=W, n_steps=4, rng=0)
LS = dict(X=X, y=Y, hp=HP)
MODEL_CALLS = {
    "cost": dict(w=W), "gradient": dict(w=W), "hessian": dict(w=W), "hessian_vector_product": dict(w=W, v=W),
    "loss": dict(w=W), "accuracy": dict(w=W), "minibatch_gradient": dict(w=W, indices=np.array([0, 3])),
    "per_example_gradients": dict(w=W), "weighted_gradient": dict(w=W, weights=np.ones(8)),
}  # fmt: skip
MAP_CALLS = {
    "check": dict(w=W), "forward": dict(v=W), "inverse": dict(w=W), "jacobian": dict(v=W),
    "log_determinant": dict(v=W), "pull_back": dict(v=W, gradient=W, hessian=H),
}  # fmt: skip


HAS = {name: importlib.util.find_spec(name) is not None for name in ("torch", "jax")}


def _adapters():
    """Return the calls that need PyTorch or JAX, where they are installed."""
    found, w9 = {}, np.full(9, 0.1)
    if HAS["torch"]:
        names = [key for key in MODEL_CALLS if key not in ("hessian", "accuracy")]
        found |= {"models.from_torch": adapted()}
        found |= _methods("models.AdaptedModel", adapted_model, MODEL_CALLS, *names, w=w9, v=w9)
        found |= {
            "models.AdaptedModel.unflatten": (adapted_model, dict(w=w9)),
            "models.AdaptedModel.flatten": (adapted_model, dict(parameters=adapted()["module"])),
            "models.AdaptedModel.outputs": (adapted_model, dict(w=w9)),
            "models.AdaptedModel.curvature_factors": (adapted_model, dict(w=w9)),
            "models.AdaptedModel.jacobian_vector_product": (adapted_model, dict(w=w9, v=w9)),
            "models.AdaptedModel.vector_jacobian_product": (adapted_model, dict(w=w9, u=np.ones((8, 3)))),
        }
    if HAS["jax"]:
        found["models.from_jax"] = dict(
            apply=lambda w, x: x @ w, params=np.ones((2, 3), "float32"), loss=lambda o, t: o.sum(1) + t,
            inputs=X.astype("float32"), targets=CLASSES,
        )  # fmt: skip
    return found


def _methods(kind, owner, calls, *names, **changes):
    names = names or calls
    return {
        f"{kind}.{name}": (owner, calls[name] | {k: v for k, v in changes.items() if k in calls[name]})
        for name in names
    }


def _models():
    w6, w21 = np.full(6, 0.1), network().initial(0)
    most = [key for key in MODEL_CALLS if key != "accuracy"]
    products = [key for key in MODEL_CALLS if key != "hessian"]
    return (
        _methods("models.LinearRegression", least_squares, MODEL_CALLS, *most)
        | _methods("models.LogisticRegression", logistic, MODEL_CALLS)
        | _methods("models.PoissonRegression", poisson, MODEL_CALLS, *most)
        | _methods("models.ProbitRegression", probit, MODEL_CALLS)
        | _methods("models.SoftmaxRegression", softmax, MODEL_CALLS, w=w6, v=w6)
        | _methods("models.ReLUNetwork", network, MODEL_CALLS, *products, w=w21, v=w21)
        | _methods("models.FunctionModel", function_model, MODEL_CALLS,
                   *[m for m in most if m not in ("hessian", "loss")])
        | {
            "models.ReLUNetwork.initial": (network, dict(rng=0)),
            "models.ReLUNetwork.layers": (network, dict(w=w21)),
            "models.ReLUNetwork.outputs": (network, dict(w=w21)),
            "models.ReLUNetwork.curvature_factors": (network, dict(w=w21)),
            "models.ReLUNetwork.jacobian_vector_product": (network, dict(w=w21, v=w21)),
            "models.ReLUNetwork.vector_jacobian_product": (network, dict(w=w21, u=np.ones((8, 3)))),
            "models.ReLUNetwork.jacobian_gram": (network, dict(w=w21, factors=np.ones((8, 2, 3)))),
            "models.ReLUNetwork.jacobian_gram_at": (network, dict(w=w21, factors=np.ones((8, 2, 3)), X=X)),
            "models.SoftmaxRegression.log_probabilities": (softmax, dict(X=X, w=w6)),
        }
    )  # fmt: skip


@once
def calls():
    """Return by name the arguments of a function or a constructor; or the object of a method, and its arguments."""
    table = _calls() | _other_ways() | _models() | _of_maps() | _adapters()
    return {name: entry for name, entry in table.items() if name not in absent()}


def absent():
    """Return the callables that write for a package which is not installed."""
    writes_for = {"exchange.to_xarray": "xarray", "exchange.to_inference_data": "arviz_base"}
    return [name for name, package in writes_for.items() if importlib.util.find_spec(package) is None]


def _other_ways():
    """Return calls of callables that `_calls` has too, with other optimizers, equations or a temperature."""
    w4, w6 = np.append(W, [0.5, 0.5]), np.append(W, [0.1, 0.1, 0.5, 0.5])
    return {
        "sgd (temperature)": SGD | dict(temperature=0.1, n_runs=2),
        "sgd (Adam)": SGD | dict(optimizer=st.Adam(), learning_rates=st.training.Cosine(), n_runs=2),
        "sgd (RMSprop)": SGD | dict(optimizer=st.RMSprop(), average_from=2, save_every=2),
        "langevin (model)": dict(landscape=least_squares(), temperature=0.5),
        "sgd_sde (temperature)": dict(model=least_squares(), hp=HP, temperature=0.5),
        "sgd_sde (Adam)": dict(model=least_squares(), hp=HP, optimizer=st.Adam(beta1=0.5, floor=1e-3)),
        "sgd_sde (RMSprop)": dict(model=logistic(), hp=HP, optimizer=st.RMSprop(beta=0.9, floor=0.0)),
        "simulate (Adam)": RUN | dict(sde=adam_equation(), x0=adam_equation().state(W), dt=0.01),
        "simulate (RMSprop)": RUN | dict(sde=rmsprop_equation(), x0=w4, dt=0.01),
        "scaling_advice (Adam)": dict(hp=HP, batch_size=5, n_steps=10, optimizer=st.Adam()),
        "scaling_advice (RMSprop)": dict(hp=HP, learning_rate=0.11, optimizer=st.RMSprop()),
        "batch_size_study (Adam)": dict(
            problem=problem, learning_rates=[0.1], train_sizes=[8], batch_sizes=[2, 4], n_steps=1, seeds=[0],
            optimizer=st.Adam(),
        ),
        "equations.AdaptiveEquation.drift (Adam)": (adam_equation, dict(x=w6, time=0.5)),
        "equations.AdaptiveEquation.diffusion (Adam)": (adam_equation, dict(x=w6, time=0.5)),
        "equations.AdaptiveEquation.state (Adam)": (adam_equation, dict(w=W, s=[0.5, 0.5], m=[0.1, 0.1])),
    }  # fmt: skip


def _of_maps():
    maps = {"ElementwiseMap": MAP, "LinearMap": LINEAR_MAP, "SmoothMap": SMOOTH_MAP}
    return {
        f"evidence.{kind}.{name}": (lambda owner=owner: owner, given)
        for kind, owner in maps.items()
        for name, given in MAP_CALLS.items()
    }


def _calls():
    return {
        "Adam": {},
        "EarlyStopping": dict(metric="loss", patience=2, minimize=True),
        "RMSprop": {},
        "Crossing": dict(direction=[1.0], level=0.5),
        "Estimate": dict(value=1.0, stderr=0.1, n_eff=10.0),
        "Estimate.z_score": (estimate, dict(expected=1.1)),
        "Estimate.interval": (estimate, dict(level=0.9)),
        "Estimate.plus_independent": (estimate, dict(other=estimate())),
        "Landscape.from_sympy": dict(expression="k*x**2", variables=["x"], parameters={"k": 2.0}),
        "Landscape.value": (well, dict(w=[0.5])),
        "Landscape.gradient": (well, dict(w=[0.5])),
        "Landscape.hessian": (well, dict(w=[0.5])),
        "Landscape.with_parameters": (plane, dict(k=2.0)),
        "SDE": dict(drift=decay, diffusion=[[1.0]], dimension=1, noise="additive"),
        "SDE.from_sympy": dict(drift=["-k*x"], diffusion=["1"], variables=["x"], parameters={"k": 2.0}),
        "SDE.drift": (ou, dict(x=[0.5])),
        "SDE.diffusion": (ou, dict(x=[0.5])),
        "SDE.with_parameters": (ou, dict(k=2.0)),
        "SGDHyperparameters": dict(learning_rate=0.1, train_size=8, batch_size=4),
        "SGDHyperparameters.with_learning_rate": (lambda: HP, dict(learning_rate=0.05)),
        "SGDHyperparameters.with_train_size": (lambda: HP, dict(train_size=10)),
        "SGDHyperparameters.keeping_noise_scale": (lambda: HP, dict(learning_rate=0.05)),
        "SGDHyperparameters.with_momentum": (lambda: HP, dict(momentum=0.1)),
        "noise_scale": dict(learning_rate=0.1, train_size=8, batch_size=4),
        "scaling_advice": dict(hp=HP, learning_rate=0.05),
        "batch_size_study": dict(
            problem=problem, learning_rates=[0.1], train_sizes=[8], batch_sizes=[2, 4], n_steps=1, seeds=[0]
        ),
        "compare": dict(
            model=least_squares(),
            hp=HP,
            w0=W,
            n_steps=4,
            n_runs=8,
            n_records=2,
            svag=(2,),
            halvings=1,
            multiples=(2,),
            rng=0,
        ),
        "convergence_study": dict(sde=ou(), x0=[1.0], time=1.0, dts=[0.25, 0.125, 0.0625], n_paths=64, rng=0),
        "first_passage": dict(sde=ou(), x0=[0.0], target=("above", 0.5), dt=0.1, max_steps=50, n_paths=8, rng=0),
        "langevin": dict(landscape=well(), temperature=0.5),
        "underdamped_langevin": dict(landscape=well(), temperature=0.5, friction=1.0),
        "minibatch_covariance": dict(per_example_gradients=GRADIENTS, batch_size=3, n_draws=16, rng=0),
        "residence_times": dict(
            sde=ou(), x0=[0.5], cores=[("below", -0.2), ("above", 0.2)], dt=0.05, n_steps=60, n_paths=4, rng=0
        ),
        "sample_stationary": dict(sde=ou(), x0=[0.0], dt=0.1, n_paths=8, burn_in=20, n_steps=100, rng=0),
        "sgd": SGD,
        "training.Cosine": dict(end=0.1),
        "training.Cosine.factor": (lambda: st.training.Cosine(end=0.1), dict(progress=[0.0, 0.5])),
        "training.Milestones": dict(at=(0.5, 0.75), factor_each=0.1),
        "training.Milestones.factor": (
            lambda: st.training.Milestones(at=(0.5,), factor_each=2.0),
            dict(progress=[0.0, 0.5]),
        ),
        "training.WarmUp": dict(length=0.5, start=0.1),
        "training.WarmUp.factor": (lambda: st.training.WarmUp(length=0.5), dict(progress=[0.0, 0.5])),
        "sgd_sde": dict(model=least_squares(), hp=HP),
        "simulate": dict(sde=ou()) | RUN,
        "svag": SGD | dict(factor=2, n_runs=2),
        "datasets.Dataset": dict(x_train=X, y_train=LABELS, x_test=X, y_test=LABELS),
        "datasets.Dataset.of_classes": (data_set, dict(classes=(0, 1))),
        "datasets.Dataset.split": (data_set, dict(train_size=4)),
        "datasets.idx": dict(folder=idx_folder(), n_classes=2),
        "datasets.mnist": dict(digits=(0, 1), train_size=4, test_size=2),
        "datasets.random_labels": dict(labels=LABELS, rng=0),
        # ---- theory
        "theory.anisotropic_escape_time": dict(
            barrier=0.25, minimum_curvature=2.0, saddle_curvature=1.0, learning_rate=0.1, batch_size=1
        ),
        "theory.average_covariance": dict(hessian=H, gradient_covariance=F, hp=HP, n_steps=3),
        "theory.baoab_covariance": dict(hessian=H, temperature=0.5, dt=0.1),
        "theory.basin_weights": dict(landscape=well(), temperature=0.2),
        "theory.compare_laws": dict(sample=sample(), law=line()),
        "theory.critical_points": dict(landscape=well(), bounds=(-2.0, 2.0), starts=16),
        "theory.crossover_temperature": dict(
            landscape=st.landscapes.sharp_and_broad(), sharp=[0.0], broad=[2.0], bounds=(-4.0, 6.0)
        ),
        "theory.depopulation_factor": dict(loss=1.0),
        "theory.fokker_planck": dict(drift=decay, diffusion=0.5, grid=grid()),
        "theory.gibbs": dict(landscape=well(), temperature=0.5),
        "theory.kesten_exponent": dict(learning_rate=0.5, batch_size=2),
        "theory.kl_divergence": dict(covariance=F, reference=H),
        "theory.kramers_time": dict(landscape=well(), minimum=[-1.0], saddle=[0.0], temperature=0.1),
        "theory.least_squares_moments": LS | dict(start=W, steps=[0, 2]),
        "theory.least_squares_sgd": LS,
        "theory.least_squares_stability_limit": dict(X=X, hp=HP),
        "theory.lowest_pass": dict(landscape=well(), start=[-1.0], end=[1.0], bounds=(-2.0, 2.0), starts=16),
        "theory.mean_first_passage_time": dict(drift=decay, diffusion=0.5, start=0.0, target=1.0),
        "theory.optimal_learning_rate": dict(gradient_covariance=F, hp=HP),
        "theory.optimal_preconditioner": dict(gradient_covariance=F, hp=HP),
        "theory.OneWayLayout": dict(train_size=8, learning_rate=0.5, inputs=[1.0, 2.0], n_steps=3),
        "theory.OneWayLayout.loss": (layout, dict(batch_size=4.0)),
        "theory.OneWayLayout.one_run_loss": (layout, dict(batch_size=4.0)),
        "theory.OneWayLayout.variance": (layout, dict(batch_size=4.0, sums_of_squares=[1.0, 2.0], offsets=[0.5, 1.0])),
        "theory.optimum_noise": dict(
            train=well(), test=st.landscapes.quadratic([[1.0]]), temperatures=(0.1, 0.2), bounds=(-2.0, 2.0)
        ),
        "theory.ornstein_uhlenbeck": dict(hessian=H, diffusion=F),
        "theory.power_law": dict(curvature=1.0, noise_scale=1.0, slope=0.8, floor=0.1),
        "theory.scheme_covariance": dict(hessian=H, diffusion=F, dt=0.1),
        "theory.sgd_covariance": dict(hessian=H, gradient_covariance=F, hp=HP),
        "theory.sgd_moments": dict(hessian=H, gradient_covariance=F, hp=HP, start=W, steps=[0, 2]),
        "theory.sgd_stability_limit": dict(hessian=H, hp=HP),
        "theory.stationary_law": dict(drift=decay, diffusion=0.5),
        "theory.stationary_sgd": dict(model=least_squares(), hp=HP, points=64),
        "theory.transition": dict(law=density(), start=lambda x: x[..., 0] + 1, end=lambda x: 1 - x[..., 0]),
        "theory.turnover_time": dict(landscape=well(), minimum=-1.0, saddle=0.0, temperature=0.1, friction=0.5),
        "theory.Grid": dict(bounds=(-1.0, 1.0), cells=8),
        "theory.Grid.coarser": (grid, dict(factor=2)),
        "theory.Grid.interpolate": (grid, dict(values=np.ones(48), x=[[0.5]])),
        "theory.FokkerPlanck.evolve": (density, dict(density=np.ones(48) / 9, times=[0.1])),
        "theory.FokkerPlanck.expectation": (density, dict(f=lambda x: x[..., 0])),
        "theory.FokkerPlanck.marginal": (density, dict(axis=0)),
        "theory.FokkerPlanck.mean_first_passage_time": (density, dict(region=lambda x: 1 - x[..., 0])),
        "theory.FokkerPlanck.modes": (density, dict(count=1)),
        "theory.FokkerPlanck.pdf": (density, dict(x=[[0.5]])),
        "theory.FokkerPlanck.refined": (density, dict(quantity=lambda law: float(law.pdf([[0.0]])[0]))),
        "theory.GibbsLaw.cdf": (law, dict(x=[[0.5]])),
        "theory.GibbsLaw.expectation": (law, dict(f=lambda x: x[..., 0])),
        "theory.GibbsLaw.free_energy": (law, dict(axis=0, x=[0.5])),
        "theory.GibbsLaw.marginal": (law2, dict(axis=0)),
        "theory.GibbsLaw.pdf": (law, dict(x=[[0.5]])),
        "theory.GibbsLaw.probability": (law, dict(lower=0.0, upper=1.0)),
        "theory.LawComparison.agrees": (lambda: st.theory.compare_laws(sample(), line()), dict(alpha=0.01)),
        "theory.MarginalLaw": dict(edges=np.linspace(0, 1, 9), probabilities=np.full(8, 0.125)),
        "theory.MarginalLaw.cdf": (lambda: density().marginal(0), dict(x=[0.5])),
        "theory.MarginalLaw.pdf": (lambda: density().marginal(0), dict(x=[0.5])),
        "theory.MarginalLaw.expectation": (lambda: density().marginal(0), dict(f=np.cos)),
        "theory.OneDimensionalLaw.cdf": (line, dict(x=[0.5])),
        "theory.OneDimensionalLaw.pdf": (line, dict(x=[0.5])),
        "theory.OneDimensionalLaw.expectation": (line, dict(f=np.cos)),
        "theory.OneDimensionalLaw.probability": (line, dict(lower=0.0, upper=1.0)),
        "theory.OptimumNoise.batch_size": (
            lambda: st.theory.optimum_noise(well(), well(), temperatures=(0.1, 0.2), bounds=(-2.0, 2.0)),
            dict(learning_rate=0.1, train_size=100),
        ),
        "theory.OrnsteinUhlenbeck.autocovariance": (process, dict(t=[0.5])),
        "theory.OrnsteinUhlenbeck.covariance_at": (process, dict(t=[0.5], start=F)),
        "theory.OrnsteinUhlenbeck.mean_at": (process, dict(t=[0.5], start=W)),
        "theory.OrnsteinUhlenbeck.spectrum": (process, dict(frequency=[0.5])),
        # ---- evidence
        "evidence.annealed": dict(fit=fit(), n_paths=100, duration=0.5, rng=0),
        "evidence.conditional_evidence": dict(model=linear(), prior_precision=1.0, noise_variance=0.1, train_size=4),
        "evidence.cross_validation": dict(
            model=linear(), prior_precision=1.0, noise_variance=0.1, permutations=3, rng=0
        ),
        "evidence.epsilon_sharpness": dict(loss=lambda w: float(np.sum(np.asarray(w) ** 2)), w=W, radius=0.1),
        "evidence.evidence_curve": dict(splits=[(linear(), X, Y)], prior_precision=[0.1, 1.0], noise_variance=0.1),
        "evidence.expected_log_evidence": dict(
            model=linear(), prior_precision=1.0, noise_variance=0.1, true_covariance=H, true_noise_variance=0.1
        ),
        "evidence.expected_risk": dict(
            model=linear(), prior_precision=1.0, noise_variance=0.1, true_covariance=H, true_noise_variance=0.1
        ),
        "evidence.gaussianizing_map": dict(model=weight_of_one()),
        "evidence.importance_sampling": dict(fit=fit(), n_samples=1000, rng=0),
        "evidence.laplace": dict(model=logistic(), prior_precision=1.0),
        "evidence.leave_one_out": dict(model=linear(), prior_precision=1.0, noise_variance=0.1),
        "evidence.log_equivalent_modes": dict(hidden_units=3, sign_flips=True),
        "evidence.mackay": dict(model=linear(), prior_precision=1.0, noise_variance=0.1),
        "evidence.pac_bayes_bound": dict(
            model=linear(),
            prior_precision=1.0,
            noise_variance=0.1,
            input_variance=1.0,
            true_weight_norm=1.0,
            true_noise_variance=0.1,
            power=0.01,
        ),
        "evidence.quadrature": dict(fit=fit()),
        "evidence.reparameterize": dict(model=linear(), map=H),
        "evidence.sequential": dict(model=linear(), prior_precision=1.0, noise_variance=0.1),
        "evidence.sharpness": dict(hessian=H),
        "evidence.thermodynamic": dict(fit=fit(), n_paths=8, burn_in=1.0, duration=2.0, rng=0),
        "evidence.two_layer_rescaling": dict(n_first=2, n_second=2, alpha=2.0),
        "evidence.LinearModel": dict(X=X, y=Y),
        "evidence.LinearModel.effective_parameters": (linear, dict(prior_precision=1.0, noise_variance=0.1)),
        "evidence.LinearModel.hessian": (linear, dict(prior_precision=1.0, noise_variance=0.1)),
        "evidence.LinearModel.log_evidence": (linear, dict(prior_precision=1.0, noise_variance=0.1)),
        "evidence.LinearModel.log_evidence_ratio": (linear, dict(prior_precision=1.0, noise_variance=0.1)),
        "evidence.LinearModel.maximize": (linear, dict(noise_variance=0.1)),
        "evidence.LinearModel.occam": (linear, dict(prior_precision=1.0, noise_variance=0.1)),
        "evidence.LinearModel.posterior": (linear, dict(prior_precision=1.0, noise_variance=0.1)),
        "evidence.NormalInverseGamma": dict(model=linear(), shape=2.0, scale=1.0),
        "evidence.NormalInverseGamma.log_evidence": (
            lambda: st.evidence.NormalInverseGamma(linear(), shape=2.0, scale=1.0),
            dict(precision_ratio=1.0),
        ),
        "evidence.NormalInverseGamma.log_evidence_ratio": (
            lambda: st.evidence.NormalInverseGamma(linear(), shape=2.0, scale=1.0),
            dict(precision_ratio=1.0),
        ),
        "evidence.NormalInverseGamma.posterior": (
            lambda: st.evidence.NormalInverseGamma(linear(), shape=2.0, scale=1.0),
            dict(precision_ratio=1.0),
        ),
        "evidence.Laplace.predict": (fit, dict(X_new=X)),
        "evidence.NetworkLaplace.at": (network_fit, dict(prior_precision=[0.5, 2.0])),
        "evidence.NetworkLaplace.predict": (network_fit, dict(X_new=X)),
        "evidence.NetworkLaplace.predict_outputs": (network_fit, dict(X_new=X)),
        "evidence.lanczos_evidence": dict(
            model=network(), prior_precision=1.0, about=network().initial(0), n_probes=2, n_steps=30, rng=0
        ),
        "evidence.Posterior.predict": (lambda: linear().posterior(1.0, 0.1), dict(X_new=X)),
        "evidence.Prediction.log_density": (lambda: linear().posterior(1.0, 0.1).predict(X), dict(y=Y)),
        "evidence.StudentPrediction.log_density": (
            lambda: st.evidence.NormalInverseGamma(linear(), shape=2.0, scale=1.0).posterior(1.0).predict(X),
            dict(y=Y),
        ),
        "evidence.EvidenceCurve.average": (
            lambda: st.evidence.evidence_curve([(linear(), X, Y)] * 2, [0.1, 1.0], noise_variance=0.1),
            dict(values=np.ones((2, 2))),
        ),
        "evidence.WeightModel": dict(
            log_likelihood=lambda w: -0.5 * np.sum((w - 1) ** 2, axis=-1),
            log_prior=lambda w: -0.5 * np.sum(w**2, axis=-1),
            start=np.zeros(2),
        ),
        "evidence.WeightModel.of": dict(model=logistic()),
        "evidence.WeightModel.cost": (weight_model, dict(w=W)),
        "evidence.WeightModel.gradient_and_hessian": (weight_model, dict(w=W)),
        "evidence.ElementwiseMap": dict(
            function=np.sinh,
            inverse_function=np.arcsinh,
            derivative=np.cosh,
            second_derivative=np.sinh,
            third_derivative=np.cosh,
        ),
        "evidence.LinearMap": dict(matrix=H),
        "evidence.SmoothMap": dict(
            function=lambda v: v,
            inverse_function=lambda w: w,
            jacobian_function=lambda v: np.broadcast_to(np.eye(2), (*np.shape(v), 2)),
        ),
        # ---- landscapes, models, stats
        "landscapes.double_well": {},
        "landscapes.quadratic": dict(curvature=H),
        "landscapes.sharp_and_broad": {},
        "models.check": dict(model=logistic(), w=W, rng=0),
        "models.FunctionModel": dict(
            cost=lambda w: 0.0,
            example_gradients=lambda w, i: np.zeros((len(i), 2)),
            hessian_vector_product=lambda w, v: 0 * v,
            train_size=8,
            dimension=2,
        ),
        "models.LinearRegression": dict(X=X, y=Y),
        "models.LogisticRegression": dict(X=X, y=LABELS),
        "models.PoissonRegression": dict(X=X, y=CLASSES),
        "models.ProbitRegression": dict(X=X, y=LABELS),
        "models.SoftmaxRegression": dict(X=X, y=CLASSES),
        "models.ReLUNetwork": dict(X=X, y=CLASSES, hidden=3),
        "models.fisher_discrepancy": dict(model=logistic(), w=W),
        "models.fisher_information": dict(model=logistic(), w=W),
        "models.NoiseScaleMonitor": dict(small=4, large=8),
        "models.NoiseScaleMonitor.estimate": (monitor, {}),
        "models.NoiseScaleMonitor.load_state_dict": (monitor, dict(state=monitor().state_dict())),
        "models.NoiseScaleMonitor.update": (monitor, dict(small_squares=2.0, large_square=1.5)),
        "models.NoiseScaleMonitor.update_from_gradients": (monitor, dict(gradients=GRADIENTS[:2])),
        "models.gradient_covariance": dict(per_example_gradients=GRADIENTS),
        "models.gradient_noise_scale": dict(model=logistic(), w=W),
        "models.hessian_noise_scale": dict(gradient=W, covariance=F, hessian=H),
        "models.minibatch_noise_shape": dict(per_example_gradients=GRADIENTS, direction=W, batch_size=2),
        "models.noise_scale_from_batches": dict(small_gradients=GRADIENTS, large_gradients=GRADIENTS, small=2, large=4),
        "models.simple_noise_scale": dict(per_example_gradients=GRADIENTS),
        "models.tail_index": dict(sizes=np.arange(1.0, 20.0), n_largest=5),
        "stats.agrees": dict(estimate=estimate(), expected=1.1, alpha=0.01),
        "stats.mean_estimate": dict(samples=Y),
        "stats.required_samples": dict(deviation=1.0, effect=0.5, alpha=0.01, power=0.9),
        # ---- simulators' results
        "studies.Comparison.difference": (comparison, dict(process="SDE 1")),
        "studies.ConvergenceStudy.interval": (order, dict(kind="strong", alpha=0.05)),
        "simulators.Histogram.probability": (lambda: sample().histogram, dict(lower=[-1.0], upper=[1.0])),
        "equations.SGDEquation.drift": (lambda: st.sgd_sde(least_squares(), HP), dict(x=W)),
        "equations.SGDEquation.diffusion": (lambda: st.sgd_sde(least_squares(), HP), dict(x=W)),
        "equations.AdaptiveEquation.drift": (rmsprop_equation, dict(x=np.append(W, np.ones_like(W)))),
        "equations.AdaptiveEquation.diffusion": (rmsprop_equation, dict(x=np.append(W, np.ones_like(W)))),
        "equations.AdaptiveEquation.state": (rmsprop_equation, dict(w=W)),
        "simulators.Scheme.check": (lambda: st.simulators.SCHEMES["heun"], dict(sde=ou(), increments="gaussian")),
        "simulators.Scheme.serves": (lambda: st.simulators.SCHEMES["heun"], dict(sde=ou())),
        # ---- exchange
        "save": dict(result=estimate(), path=str(kept())),
        "load": dict(path=str(kept())),
        "exchange.to_dataframe": dict(result=estimate()),
        "exchange.to_inference_data": dict(run=chains()),
        "exchange.to_xarray": dict(result=estimate()),
        # ---- plotting
        "plotting.plot_landscape": dict(landscape=well(), bounds=(-2.0, 2.0), run=chains()),
        "plotting.plot_paths": dict(run=chains(), mean=lambda times: 0.5 * np.exp(-times)),
        "plotting.plot_phase_portrait": dict(sde=rotation(), bounds=[(-1.0, 1.0), (-1.0, 1.0)]),
        "plotting.plot_convergence": dict(study=order()),
        "plotting.plot_histogram": dict(sample=sample(), law=law()),
        "plotting.plot_law_comparison": dict(comparison=st.theory.compare_laws(sample(), line())),
        "plotting.plot_first_passage": dict(result=passage(), mean=1.0),
        "plotting.plot_evidence": dict(
            curve=st.evidence.evidence_curve([(linear(), X, Y)], [0.1, 1.0], noise_variance=0.1)
        ),
        "plotting.plot_prediction": dict(
            posterior=st.evidence.LinearModel(X[:, :1], Y).posterior(1.0, 0.1), inputs=X[:, 0], X_new=X[:, :1]
        ),
        "plotting.plot_comparison": dict(comparison=comparison()),
        "plotting.shades": dict(color="#b2182b", count=3),
        # ---- symbolic
        "symbolic.ItoSDE": dict(drift=-k * x, diffusion=s, variables=x),
        "symbolic.ItoSDE.from_covariance": dict(drift=-k * x, covariance=s, variables=x),
        "symbolic.ItoSDE.from_stratonovich": dict(drift=-k * x, diffusion=s, variables=x),
        "symbolic.ItoSDE.generator": (ito, dict(function=x**2)),
        "symbolic.ItoSDE.ito_formula": (ito, dict(function=x**2)),
        "symbolic.ItoSDE.change_variables": (ito, dict(forward={y: 2 * x}, inverse={x: y / 2})),
        "symbolic.Derivation": dict(title="a title"),
        "symbolic.Derivation.assume": (empty_derivation, dict(symbol=k, sentence="a positive number")),
        "symbolic.Derivation.conclude": (defined, dict(symbol=c, value=2 * k, statement="c", by="counting")),
        "symbolic.Derivation.define": (derivation, dict(symbol=sympy.Symbol("c"), value=2 * k, statement="c")),
        "symbolic.Derivation.enumerate": (
            derivation,
            dict(statement="one", left=k, right=k, cases=[({k: 2}, 2)], by="counting"),
        ),
        "symbolic.Derivation.expand": (
            derivation,
            dict(statement="near 0", left=sympy.exp(k), right=1 + k, variable=k, order=2, by="Taylor"),
        ),
        "symbolic.Derivation.heading": (empty_derivation, dict(text="a heading")),
        "symbolic.Derivation.note": (empty_derivation, dict(text="a note")),
        "symbolic.Derivation.solve": (
            derivation,
            dict(statement="solve", left=2 * k, right=k + 1, unknown=k, solution=1, by="algebra"),
        ),
        "symbolic.Derivation.step": (
            derivation,
            dict(statement="a step", left=(k + 1) ** 2, right=k**2 + 2 * k + 1, by="algebra"),
        ),
        "symbolic.Derivation.suppose": (empty_derivation, dict(name="A", sentence="a supposition")),
        "symbolic.Derivation.to_latex": (derivation, {}),
        "symbolic.MomentEquations.rate": (lambda: st.symbolic.moment_equations(ito(), 2), dict(exponents=(2,))),
        "symbolic.MomentEquations.symbol": (lambda: st.symbolic.moment_equations(ito(), 2), dict(exponents=(2,))),
        "symbolic.as_expression": dict(value="k*2", symbols=[k]),
        "symbolic.parse": dict(text="k*2", symbols=[k]),
        "symbolic.backward_kolmogorov": dict(sde=ito(), function=x**2, time=t),
        "symbolic.compare": dict(what="a number", derived=1.0, found=1.0, how="counting"),
        "symbolic.compare_order": dict(what="an error", order=1, sizes=[0.1, 0.01], errors=[0.1, 0.01], how="halving"),
        "symbolic.entropy_production_density": dict(sde=ito(), density=sympy.exp(-k * x**2 / s**2)),
        "symbolic.enumerate_minibatches": dict(gradients=[1, 2, 4], batch_size=2),
        "symbolic.exit_probability": dict(sde=ito(), start=0, target=1, other=-1),
        "symbolic.fokker_planck": dict(sde=ito(), density=sympy.exp(-k * x**2 / s**2)),
        "symbolic.gaussian_moments": dict(noise=[x], covariance=[[s]], order=2),
        "symbolic.increment_moments": dict(increment=[k * x], noise_moments={x: 0, x**2: s}, order=2),
        "symbolic.is_stationary": dict(sde=ito(), density=sympy.exp(-k * x**2 / s**2)),
        "symbolic.ItoSDE.expression": (ito, dict(value=x**2, name="value")),
        "symbolic.stability_conditions": dict(rate=[[2, 0], [0, 1]]),
        "symbolic.is_zero": dict(difference=k - k),
        "symbolic.laplace": dict(cost=x**2, minimum={x: 0}),
        "symbolic.lecture_notes": dict(title="notes", derivations=[derivation()]),
        "symbolic.linear_coefficients": dict(sde=ito()),
        "symbolic.lyapunov": dict(rate=[[2, 0], [0, 1]], covariance=[[1, 0], [0, 1]]),
        "symbolic.mean_first_passage_time": dict(sde=brownian(), start=0, absorbing=1, reflecting=-1),
        "symbolic.minibatch_covariance": {},
        "symbolic.noise_scale": {},
        "symbolic.moment_equations": dict(sde=ito(), order=2),
        "symbolic.present": dict(derive=lambda: [derivation()], meet_numerics=lambda d: [], argv=[]),
        "symbolic.probability_current": dict(sde=ito(), density=sympy.exp(-k * x**2 / s**2)),
        "symbolic.satisfies_detailed_balance": dict(sde=ito(), density=sympy.exp(-k * x**2 / s**2)),
        "symbolic.semigroup_expansion": dict(sde=ito(), function=x**2, step=dt, order=1),
        "symbolic.stationarity_residual": dict(sde=ito(), density=sympy.exp(-k * x**2 / s**2)),
        "symbolic.stationary_covariance": dict(sde=ito()),
        "symbolic.stationary_density": dict(sde=ito()),
        "symbolic.recursion_expansion": dict(
            function=x**2, increment=[-k * x * dt], variables=[x], noise_moments={}, step=dt, order=1
        ),
        "symbolic.weak_mismatch": dict(sde=ito(), increment=[-k * x * dt], noise_moments={}, step=dt, order=1),
        "BatchSizeStudy.curves": (study, {}),
        "BatchSizeStudy.exponents": (study, dict(n_bootstrap=20)),
        "BatchSizeStudy.optima": (study, dict(n_bootstrap=20)),
        "BatchSizeStudy.read": dict(path=str(saved())),
        "BatchSizeStudy.select": (study, dict(learning_rate=0.1)),
        "BatchSizeStudy.write": (study, dict(path=str(saved()))),
        "plotting.plot_batch_sizes": dict(study=study(), n_bootstrap=20),
        "plotting.plot_batch_size_scaling": dict(study=study(), quantity="learning_rate", n_bootstrap=20),
        "simulators.Mixing.of": (
            lambda: st.simulators.Mixing(autocorrelation_time=pair(), effective_sample_size=pair(), r_hat=pair()),
            dict(column=0),
        ),
        "equations.SGDEquation.step_gradient": (
            lambda: st.sgd_sde(least_squares(), HP),
            dict(w=W, weights=np.ones(8), dt=0.1),
        ),
    }


# Their constructors hold what a function found; users have no cause to call them. Or they are abstract.
RESULTS = [
    *(
        f"models.Model{name}"
        for name in (
            "",
            ".cost",
            ".gradient",
            ".hessian_vector_product",
            ".minibatch_gradient",
            ".per_example_gradients",
            ".weighted_gradient",
        )
    ),
    "models.AdaptedModel",
    "models.Conformance",
    "models.Finding",
    # Where PyTorch or JAX is missing they cannot be called.
    *([] if HAS["jax"] else ["models.from_jax"]),
    *(
        []
        if HAS["torch"]
        else [
            "models.from_torch",
            *(
                f"models.AdaptedModel.{name}"
                for name in (
                    "cost",
                    "curvature_factors",
                    "flatten",
                    "gradient",
                    "hessian_vector_product",
                    "jacobian_vector_product",
                    "loss",
                    "minibatch_gradient",
                    "outputs",
                    "per_example_gradients",
                    "unflatten",
                    "vector_jacobian_product",
                    "weighted_gradient",
                )
            ),
        ]
    ),
    "BatchSizeStudy",
    "EquivalentSetting",
    "Landscape",
    "theory.BasinWeights",
    "theory.BestBatchSize",
    "theory.CriticalPoint",
    "theory.Crossover",
    "theory.Distance",
    "theory.FokkerPlanck",
    "theory.GibbsLaw",
    "theory.GridEstimate",
    "theory.LawComparison",
    "theory.LeastSquaresLaw",
    "theory.Modes",
    "theory.NoStationaryLaw",
    "theory.OneDimensionalLaw",
    "theory.OptimumNoise",
    "theory.OrnsteinUhlenbeck",
    "theory.SGDLaw",
    "theory.SGDMoments",
    "theory.StabilityLimit",
    "theory.StationarySGD",
    "theory.Transition",
    "evidence.EvidenceCurve",
    "evidence.EvidenceMaximum",
    "evidence.LanczosEvidence",
    "evidence.Laplace",
    "evidence.NetworkLaplace",
    "evidence.OccamDecomposition",
    "evidence.Posterior",
    "evidence.Prediction",
    "evidence.Reference",
    "evidence.Sharpness",
    "evidence.StudentPrediction",
    "models.GradientNoiseScale",
    "models.NoiseShape",
    "symbolic.Assumption",
    "symbolic.Equation",
    "symbolic.Formula",
    "symbolic.LaplaceExpansion",
    "symbolic.MinibatchMoments",
    "symbolic.MomentEquations",
    "studies.BatchSizeCurve",
    "studies.Comparison",
    "studies.ConvergenceStudy",
    "simulators.Divergence",
    "simulators.FirstPassage",
    "simulators.Histogram",
    "studies.Interval",
    "studies.LinearScaling",
    "training.MinibatchCovariance",
    "simulators.Mixing",
    "studies.Moments",
    "studies.OptimumBatchSize",
    "simulators.ResidenceTimes",
    "simulators.Run",
    "equations.SGDEquation",
    "equations.AdaptiveEquation",
    "training.SGDRun",
    "training.Schedule.factor",
    "training.SVAGRun",
    "simulators.Scheme",
    "simulators.StationarySample",
    "studies.WeakOrder",
    "evidence.Map.check",
    "evidence.Map.forward",
    "evidence.Map.inverse",
    "evidence.Map.jacobian",
    "evidence.Map.log_determinant",
    "evidence.Map.pull_back",
    "equations.SGDEquation.from_sympy",
    "equations.SGDEquation.with_parameters",
    *absent(),
    "equations.AdaptiveEquation.from_sympy",
    "equations.AdaptiveEquation.with_parameters",
    "equations.AdaptiveEquation.step_gradient",
]

# Weights that are not finite, or overflow, give gradients that are NaN: the inner loop of SGD does not look at all
# weights in each step, and knows by the gradients that a run diverges.
MEANT = {
    (f"models.{model}.minibatch_gradient", "w", "nan")
    for model in (
        "AdaptedModel",
        "FunctionModel",
        "LinearRegression",
        "LogisticRegression",
        "PoissonRegression",
        "ProbitRegression",
        "ReLUNetwork",
        "SoftmaxRegression",
    )
}
