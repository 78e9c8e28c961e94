"""The house keeps its order: layers, two sides, and heavy imports at home.

@gxp-spec SPEC-005-001 "Architecture rules"
@trace US-005-001
@test-type OQ
@gxp-risk LOW
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "scanwatch"

LAYERS = {
    **dict.fromkeys(["model", "inventory", "errors", "_version", "_credentials"], 0),
    **dict.fromkeys(["wire", "snapshot"], 1),
    **dict.fromkeys(["panel", "tables", "plots", "storage", "scanners"], 2),
    **dict.fromkeys(["client._session", "jobs"], 3),
    **dict.fromkeys(["client", "gateway"], 4),
    **dict.fromkeys(
        ["", "__main__", "cli", "testing", "_connect", "_doctor", "_export", "_launcher", "_local", "_worker"], 5
    ),
}
WATCHING = {"client", "panel", "tables", "plots"}
SERVING = {"gateway", "jobs", "storage", "scanners"}
SESSION = {
    *("client._session", "client._actions", "client._watched", "client._pace", "client._unwatched"),
    *("client._transport", "client._received", "client._timing"),
}
HEAVY_HOMES = {
    "pandas": {"tables", "plots"},
    "matplotlib": {"plots"},
    "anywidget": {"panel._panel"},
    "ipywidgets": {"panel._panel"},
    "tree_sitter": {"scanners.repository.source.comments"},
    "redis": {"storage._redis", "jobs._bullmq"},
    "bullmq": {"jobs._bullmq"},
    "aiohttp": {"client._live", "gateway", "testing._scripted"},
    "socketio": {"client._live", "gateway", "testing._scripted"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(name: str, tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Every module that ``name`` imports, and whether it does so inside a function."""
    inside = {id(node) for function in _functions(tree) for node in ast.walk(function)}
    typing_only = {id(node) for block in _type_checking(tree) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in inside
        elif isinstance(node, ast.ImportFrom):
            for target in _from(name, node):
                yield target, id(node) in inside


def _functions(tree: ast.AST) -> Iterator[ast.AST]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _type_checking(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from node.body


def _from(name: str, node: ast.ImportFrom) -> Iterator[str]:
    if node.level == 0:
        yield node.module or ""
        return
    is_package = (ROOT / Path(*name.split(".")) / "__init__.py").exists() if name else True
    package = name.split(".") if name else []
    up = node.level - (1 if is_package else 0)
    base = package[: len(package) - up] if up else package
    module = ".".join(["scanwatch", *base, *(node.module.split(".") if node.module else [])])
    if node.module:
        yield module
    else:
        yield from (f"{module}.{alias.name}" for alias in node.names)


def own(imported: str) -> str | None:
    """The name below ``scanwatch``; ``None`` for somebody else's module."""
    if imported == "scanwatch":
        return ""
    return imported.removeprefix("scanwatch.") if imported.startswith("scanwatch.") else None


def layer(name: str) -> int:
    if name in SESSION:
        return LAYERS["client._session"]
    return LAYERS[name.split(".")[0]]


def test_imports_go_down_only() -> None:
    wrong = []
    for name, tree in modules():
        for imported, in_function in imports(name, tree):
            target = own(imported)
            if target is None or target == name:
                continue
            if layer(target) > layer(name) and not in_function:
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_an_import_inside_a_function_goes_up_only_where_a_face_shows_its_parts() -> None:
    """The client makes panels and tables in functions; nothing else may reach up late."""
    wrong = []
    for name, tree in modules():
        for imported, in_function in imports(name, tree):
            target = own(imported)
            if target is not None and in_function and layer(target) > layer(name):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_watching_and_serving_never_import_each_other() -> None:
    wrong = []
    for name, tree in modules():
        for imported, _ in imports(name, tree):
            target = own(imported)
            if target is None:
                continue
            sides = {name.split(".")[0], target.split(".")[0]}
            if sides & WATCHING and sides & SERVING:
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_heavy_imports_stay_home() -> None:
    wrong = []
    for name, tree in modules():
        for imported, _ in imports(name, tree):
            homes = HEAVY_HOMES.get(imported.split(".")[0])
            if homes is not None and not any(name == home or name.startswith(f"{home}.") for home in homes):
                wrong.append(f"{name} imports {imported}")
    assert wrong == []


def test_there_are_no_cycles_between_rooms() -> None:
    graph: dict[str, set[str]] = {}
    for name, tree in modules():
        for imported, in_function in imports(name, tree):
            target = own(imported)
            if target is not None and not in_function:
                room, other = name.split(".")[0], target.split(".")[0]
                if room != other:
                    graph.setdefault(room, set()).add(other)
    done: set[str] = set()

    def visit(room: str, path: tuple[str, ...]) -> None:
        assert room not in path, " -> ".join((*path, room))
        if room not in done:
            for other in graph.get(room, ()):
                visit(other, (*path, room))
            done.add(room)

    for room in list(graph):
        visit(room, ())


def test_importing_scanwatch_loads_nothing_heavy() -> None:
    code = "import sys, scanwatch; dir(scanwatch); print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(HEAVY_HOMES) & set(loaded) == set()


def test_camel_case_lives_on_the_wire_only() -> None:
    """No string of another room spells a wire key: the wire could then no longer change in one place."""
    keys = {"scanId", "scanIds", "repositoryId", "gitUrl", "jobProgress", "totalFiles", "filesProcessed", "mergedFrom"}
    wrong = []
    for name, tree in modules():
        if name.split(".")[0] == "wire":
            continue
        literals = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
        wrong += [f"{name}:{node.lineno} {node.value}" for node in literals if node.value in keys]
    assert wrong == []


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_too_long_to_read(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 450, f"{path.name} has {lines} lines"


def test_there_is_no_room_without_a_name() -> None:
    vague = {"utils", "util", "helpers", "common", "misc"}
    assert [name for name, _ in modules() if vague & {part.strip("_") for part in name.split(".")}] == []
