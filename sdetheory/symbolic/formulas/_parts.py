"""Long kernels, as several functions that are called one after the other.

What Numba and LLVM do to a function takes longer than in proportion to its length, and each row that it writes lists
all others as no aliases of it. So a long kernel is taken apart. Rows whose formulas differ by their variables and
numbers alone, as those of a chain or a grid do, are gone over by a loop, with a table of what differs. What is left is
cut into parts of some length. What one function computes and another one needs waits in rows of an array.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_LONGEST = 3000
"""Names on the lines of a part."""
_ROW = 40
"""What a row that is written costs, in names."""
_FEWEST = 4
"""Rows for which there is a loop."""
_NAME = re.compile(r"\b[xpt]\d+\b")
_SLOT = re.compile(r"\b[xpty]\d+\b|(?<![\w.])(?:\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)")

Assignments = Mapping[str, str]


def length(lines: Iterable[str]) -> int:
    """Return how many variables, parameters and temporaries stand on lines."""
    return sum(len(_NAME.findall(line)) for line in lines)


def in_parts(lines: Sequence[str], results: Sequence[str]) -> list[str]:
    """Return the source of a kernel that makes the assignments of `lines` and puts `results` into the rows of out.

    The same operations on the same numbers as in one function, so that the results are the same to the last bit.
    """
    texts = dict(line.split(" = ", 1) for line in lines) | {f"y{row}": text for row, text in enumerate(results)}
    functions = _functions(_units(texts))
    needed = [name for name in texts if any(name in f.read for f in functions)]
    waiting = {name: row for row, name in enumerate(needed)}
    body = [line for k, f in enumerate(functions) for line in [*f.source(k, waiting), "", ""]]
    body += ["def kernel(x, p, out):", f"    waiting = np.empty(({len(waiting)}, x.shape[1]))"]
    return [*body, *(f"    part{k}(x, p, out, waiting)" for k in range(len(functions)))]


def _units(texts: Assignments) -> list[dict[str, str]]:
    """Return the assignments in groups: each result or shared temporary after the temporaries that are its alone."""
    consumers: dict[str, set[str]] = {name: set() for name in texts}
    for name, text in texts.items():
        for read in _temporaries(text):
            consumers[read].add(name)
    head: dict[str, str] = {}
    for name in reversed(texts):
        heads = {head[consumer] for consumer in consumers[name] if consumer in head}
        if name[0] == "y" or len(heads) > 1:
            head[name] = name
        elif heads:
            head[name] = heads.pop()
    units: dict[str, dict[str, str]] = {}
    for name, text in texts.items():
        if name in head:
            units.setdefault(head[name], {})[name] = text
    return [_in_demand(units[name], name) for name in texts if name in units]


def _in_demand(unit: Assignments, head: str) -> dict[str, str]:
    """Return a unit with each temporary just before what needs it first, so that few wait from part to part."""
    ordered: dict[str, str] = {}
    path = [head]
    while path:
        missing = [n for n in _temporaries(unit[path[-1]]) if n in unit and n not in ordered]
        if missing:
            path.append(missing[0])
        else:
            name = path.pop()
            ordered[name] = unit[name]
    return ordered


def _functions(units: Sequence[dict[str, str]]) -> list[_Part | _Loop]:
    """Return what computes the units, each after what it needs."""
    level: dict[str, int] = {}
    alike: dict[tuple[int, str], list[dict[str, str]]] = {}
    for unit in units:
        needed = [level[name] for text in unit.values() for name in _temporaries(text) if name not in unit]
        level[list(unit)[-1]] = own = 1 + max(needed, default=0)
        alike.setdefault((own, _pattern(unit)), []).append(unit)
    functions: list[_Part | _Loop] = []
    single: dict[str, str] = {}
    for _, group in sorted(alike.items(), key=lambda item: item[0][0]):
        if len(group) < _FEWEST:
            single |= {name: text for unit in group for name, text in unit.items()}
            continue
        functions += [*_cut(single), _Loop(group)]
        single = {}
    return functions + _cut(single)


def _pattern(unit: Assignments) -> str:
    """Return the text of a unit with slots in place of its variables, parameters and numbers."""
    slots: dict[str, str] = {}
    return _SLOT.sub(lambda m: _slot(slots, m[0]), "\n".join(f"{name} = {text}" for name, text in unit.items()))


def _slot(slots: dict[str, str], item: str) -> str:
    return slots.setdefault(item, f"{item[0] if item[0] in 'xpty' else 'c'}{len(slots)}")


def _cut(assignments: Assignments) -> list[_Part | _Loop]:
    parts: list[dict[str, str]] = []
    room = 0
    for name, text in assignments.items():
        room -= 1 + length([text]) + _ROW * (name[0] == "y")
        if room < 0 or not parts:
            parts.append({})
            room = _LONGEST
        parts[-1][name] = text
    return [_Part(part) for part in parts]


@dataclass
class _Part:
    """Assignments one after the other, for one lane after the other."""

    texts: dict[str, str]

    @property
    def read(self) -> set[str]:
        return {name for text in self.texts.values() for name in _NAME.findall(text)} - set(self.texts)

    def source(self, k: int, waiting: Mapping[str, int]) -> list[str]:
        read = sorted(self.read, key=lambda name: (name[0], int(name[1:])))
        written = [name for name in self.texts if name in waiting or name[0] == "y"]
        n = len(written)
        body = [f"    {name} = p[{name[1:]}]" for name in read if name[0] == "p"]
        body += ["    for lane in range(x.shape[1]):"]
        body += [f"        {name} = get({_place(name, waiting)}, lane, {n}, {n})" for name in read if name[0] != "p"]
        body += [f"        {name} = {text}" for name, text in self.texts.items()]
        body += [f"        put({_place(name, waiting)}, lane, {m}, {n}, {name})" for m, name in enumerate(written)]
        return [*_definition(k), *body]


@dataclass
class _Loop:
    """Units that differ by variables, parameters and numbers alone, one after the other."""

    units: list[dict[str, str]]

    @property
    def read(self) -> set[str]:
        return set().union(*(_Part(unit).read for unit in self.units))

    def source(self, k: int, waiting: Mapping[str, int]) -> list[str]:
        tables: list[dict[str, str]] = []
        for unit in self.units:
            slots: dict[str, str] = {}
            body = [f"{_SLOT.sub(lambda m, s=slots: _slot(s, m[0]), f'{a} = {b}')}" for a, b in unit.items()]
            tables.append({slot: item for item, slot in slots.items()})
        own = {_slot(slots, name) for name in unit}
        head = _slot(slots, list(unit)[-1])
        numbers = [slot for slot in tables[0] if slot[0] == "c"]
        places = [slot for slot in tables[0] if slot[0] != "c" and (slot not in own or slot == head)]
        rows = [[int(_place(t[slot], waiting).split()[-1]) for slot in places] for t in tables]
        values = [[float(table[slot]) for slot in numbers] for table in tables]
        lines = [f"rows{k} = np.array({rows})", f"numbers{k} = np.array({values}).reshape({len(rows)}, {len(numbers)})"]
        lines += ["", "", *_definition(k), f"    for i in range({len(rows)}):"]
        lines += [f"        {slot} = numbers{k}[i, {j}]" for j, slot in enumerate(numbers)]
        for j, slot in enumerate(places):
            row = f"rows{k}[i, {j}]"
            lines += [f"        {slot} = p[{row}]" if slot[0] == "p" else f"        at_{slot} = {row}"]
        lines += ["        for lane in range(x.shape[1]):"]
        for slot in places:
            if slot[0] in "xt" and slot not in own:
                array = "x" if slot[0] == "x" else "waiting"
                lines += [f"            {slot} = get({array}, at_{slot}, lane, 1, 1)"]
        lines += [f"            {line}" for line in body]
        array = "out" if head[0] == "y" else "waiting"
        return [*lines, f"            put({array}, at_{head}, lane, 0, 1, {head})"]


def _definition(k: int) -> list[str]:
    options = 'error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True'
    return [f"@njit({options})", f"def part{k}(x, p, out, waiting):"]


def _place(name: str, waiting: Mapping[str, int]) -> str:
    """Return the array and the row in which a name is found."""
    return f"waiting, {waiting[name]}" if name[0] == "t" else f"{'out' if name[0] == 'y' else name[0]}, {name[1:]}"


def _temporaries(text: str) -> list[str]:
    return [name for name in _NAME.findall(text) if name[0] == "t"]
