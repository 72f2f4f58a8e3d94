"""What people come for: a task, the words that they type into the search, and the pages that answer it.

``search.py`` tries each in a built site.
"""

from __future__ import annotations

from typing import NamedTuple

RECIPES = "learn/how_to/short_recipes"
EXCHANGE = "learn/how_to/going_on"
LONG_RUNS = "learn/how_to/long_runs"
OWN_MODEL = "learn/how_to/own_model"


class Task(NamedTuple):
    """Somebody's wish, what is typed, and the pages any of which answers it with code that runs."""

    wish: str
    query: str
    pages: tuple[str, ...]


TASKS = (
    Task("install the package", "install", ("learn/install",)),
    Task("have the variance of an Ornstein–Uhlenbeck process", "Ornstein-Uhlenbeck variance", (RECIPES,)),
    Task("write down a landscape of one's own", "own landscape", (RECIPES,)),
    Task("tilt a double well and plot its Gibbs law", "tilted well Gibbs density", (RECIPES,)),
    Task("know how long a path takes, and the exact mean", "mean passage time", (RECIPES, "gallery/first_passage")),
    Task("know how long it stays in a minimum", "escape time from a minimum", (RECIPES, "derivations/kramers")),
    Task("draw a phase portrait", "phase portrait", (RECIPES,)),
    Task("have the noise scale of a PyTorch module", "noise scale PyTorch", (OWN_MODEL, "learn/how_to/noise_scale")),
    Task("have it with an interval", "gradient noise scale interval", ("learn/how_to/noise_scale", OWN_MODEL)),
    Task("train one's own loss with SGD", "SGD own loss", (OWN_MODEL, "learn/tutorial/6_own_model")),
    Task("go to batches of 1,024 at the same noise", "learning rate batch size 1024", (RECIPES,)),
    Task("choose a batch size", "which batch size", ("learn/choose", "learn/tutorial/5_batch_size")),
    Task("have the evidence of ridge regression", "evidence ridge regression", ("learn/tutorial/4_evidence",)),
    Task("choose a polynomial by its evidence", "polynomial degree", ("learn/tutorial/4_evidence",)),
    Task("have the evidence of a classifier, and its curve", "Laplace logistic regression", (RECIPES, "learn/choose")),
    Task(
        "see that coordinates do not matter",
        "reparameterization",
        ("derivations/reparameterization", "learn/tutorial/4_evidence"),
    ),
    Task("read a derivation in a notebook", "derivation notebook", (RECIPES, EXCHANGE)),
    Task("have the LaTeX of a derivation", "LaTeX", (RECIPES, EXCHANGE)),
    Task("pickle a result", "pickle", (RECIPES, EXCHANGE)),
    Task("save a result in a file", "save result", (EXCHANGE, RECIPES)),
    Task("have a result as a table", "pandas DataFrame", (EXCHANGE,)),
    Task("give chains to ArviZ", "InferenceData", (EXCHANGE,)),
    Task("go on with a run that was killed", "resume run checkpoint", (LONG_RUNS,)),
    Task("see the progress of a run", "progress bar", (LONG_RUNS,)),
    Task("run on a cluster", "Dask", (LONG_RUNS, "gallery/ensemble_on_dask")),
    Task("know whether the cost is a total or a mean", "total or mean cost", ("lookup/conventions",)),
    Task("know the calculus", "Ito Stratonovich", ("lookup/conventions", "lookup/questions")),
    Task("choose a scheme", "which scheme", ("learn/choose", "lookup/schemes")),
    Task("stop early", "early stopping", ("learn/how_to/training_options", "gallery/early_stopping")),
    Task("decide a claim of another paper", "own claim", ("learn/how_to/own_claims",)),
    Task("cite the package", "cite", ("about/citing",)),
)
