"""What the package offers: functions, constructors and methods, found by its own lists of names."""

import importlib
import inspect

MODULES = (
    "sdetheory", "sdetheory.theory", "sdetheory.evidence", "sdetheory.models", "sdetheory.landscapes",
    "sdetheory.datasets", "sdetheory.stats", "sdetheory.plotting", "sdetheory.symbolic", "sdetheory.simulators",
    "sdetheory.studies", "sdetheory.equations", "sdetheory.training", "sdetheory.exchange",
)  # fmt: skip


def public():
    """Return every public callable with an argument by its name, such as "theory.GibbsLaw.pdf"."""
    found = {}
    for path in MODULES:
        module = importlib.import_module(path)
        for name in getattr(module, "__all__", None) or [key for key in dir(module) if not key.startswith("_")]:
            value = getattr(module, name)
            if _ours(value) and id(value) not in {id(other) for other in found.values()}:
                found[f"{path.removeprefix('sdetheory').removeprefix('.')}.{name}".removeprefix(".")] = value
    for name, value in list(found.items()):
        if isinstance(value, type):
            found |= {f"{name}.{key}": method for key, method in _methods(value).items()}
    return {name: value for name, value in found.items() if inspect.signature(value).parameters}


def _ours(value):
    error = isinstance(value, type) and issubclass(value, (Exception, Warning))
    return callable(value) and getattr(value, "__module__", "").startswith("sdetheory") and not error


def _methods(kind):
    methods = {}
    for key in dir(kind):
        stored = inspect.getattr_static(kind, key)
        bound = isinstance(stored, (classmethod, staticmethod))
        function = stored.__func__ if bound else stored
        if key.startswith("_") or not inspect.isfunction(function) or not function.__module__.startswith("sdetheory"):
            continue
        if bound or len(inspect.signature(function).parameters) > 1:
            methods[key] = getattr(kind, key)
    return methods
