"""The stubs of `maou._rust` say what the module has, no more and no less."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
from pathlib import Path
from types import ModuleType

import pytest

import maou
from maou import _build

STUBS = Path(maou.__file__).parent / "_rust"
MODULES = {"maou._rust": "__init__.pyi", "maou._rust.io": "io.pyi", "maou._rust.index": "index.pyi"}
# Methods that every class has; a stub lists them where a class has its own.
IMPLIED = {"__repr__"}


def load(name: str) -> tuple[ModuleType, ast.Module]:
    return importlib.import_module(name), ast.parse((STUBS / MODULES[name]).read_text())


def stub_names(stub: ast.Module) -> set[str]:
    """The names that a stub defines for its users."""
    names = set()
    for node in stub.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                if "TypeAlias" not in ast.dump(annotation):
                    names.add(name)
            case ast.ImportFrom(level=1, names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
    return {name for name in names if not name.startswith("_") or name == "__version__"}


def parameters(function: ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    """Name, kind and default of every parameter."""
    arguments = function.args
    positional = arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    found = list(zip(positional, ["positional"] * len(positional), defaults, strict=True))
    found += zip(
        arguments.kwonlyargs, ["keyword"] * len(arguments.kwonlyargs), arguments.kw_defaults, strict=True
    )
    described = [(a.arg, kind, None if d is None else ast.unparse(d)) for a, kind, d in found]
    return [parameter for parameter in described if parameter[0] not in ("self", "cls")]


def real_parameters(function: object) -> list[tuple[str, str, str | None]]:
    keyword = inspect.Parameter.KEYWORD_ONLY
    empty = inspect.Parameter.empty
    return [
        (p.name, "keyword" if p.kind == keyword else "positional", None if p.default is empty else repr(p.default))
        for p in inspect.signature(function).parameters.values()  # type: ignore[arg-type]
        if p.name != "self"
    ]


def documented(real: object, stub: ast.FunctionDef | ast.ClassDef | ast.Module) -> None:
    """The stub's one sentence is what the real docstring starts with."""
    sentence = ast.get_docstring(stub)
    text = " ".join((inspect.getdoc(real) or "").replace("`", "").split())
    name = getattr(stub, "name", "module")
    assert sentence, f"{name} has no docstring in the stub"
    assert text.startswith(" ".join(sentence.replace("`", "").split()).rstrip(".")[:30]), f"{name}: {text}"


@pytest.mark.parametrize("name", MODULES)
def test_the_names_are_the_same(name: str) -> None:
    module, stub = load(name)
    real = {name for name in vars(module) if not name.startswith("_") or name == "__version__"}
    assert stub_names(stub) == real


@pytest.mark.parametrize("name", MODULES)
def test_functions_have_the_same_parameters(name: str) -> None:
    module, stub = load(name)
    documented(module, stub)
    for function in stub.body:
        if isinstance(function, ast.FunctionDef):
            real = getattr(module, function.name)
            assert parameters(function) == real_parameters(real), function.name
            documented(real, function)


@pytest.mark.parametrize("name", MODULES)
def test_classes_have_the_same_members(name: str) -> None:
    module, stub = load(name)
    for node in stub.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            real = getattr(module, node.name)
            documented(real, node)
            if issubclass(real, Exception):
                assert [base.__name__ for base in real.__bases__] == [ast.unparse(node.bases[0])]
            else:
                compare_class(real, node)


def compare_class(real: type, stub: ast.ClassDef) -> None:
    methods = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    members = {name for name in vars(real) if name not in {"__module__", "__doc__"} | IMPLIED}
    assert set(methods) == members
    for name, method in methods.items():
        member = inspect.getattr_static(real, name)
        is_property = [ast.unparse(decorator) for decorator in method.decorator_list] == ["property"]
        assert is_property == inspect.isgetsetdescriptor(member), name
        if name == "__new__":
            assert parameters(method) == real_parameters(real)
        elif not is_property:
            assert parameters(method) == real_parameters(member), name
        if not name.startswith("__"):
            documented(member, method)


def test_the_package_is_typed_and_exports_what_it_says() -> None:
    assert (STUBS.parent / "py.typed").exists()
    assert sorted(maou.__all__, key=str.lower) == sorted(set(maou.__all__), key=str.lower)
    for name in maou.__all__:
        assert hasattr(maou, name)


def test_the_build_is_described() -> None:
    info = maou.build_info()
    assert info["version"] == maou.__version__
    assert info["profile"] in {"debug", "release"}
    assert info["abi"] == "abi3" or info["abi"].startswith("cp3")
    assert info["commit"]


@pytest.mark.parametrize(
    ("version", "profile", "commit"),
    [
        ("0.2.0+g1a2b3c4", "release", "1a2b3c4"),
        ("0.2.0+g1a2b3c4.dirty.d5e6f7a8", "release", "1a2b3c4.dirty.d5e6f7a8"),
        ("0.2.0", "debug", "working-tree"),
        ("0.2.0", "release", "unknown"),
        (None, "release", "unknown"),
    ],
)
def test_the_commit_is_the_one_of_the_version(
    version: str | None, profile: str, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(name: str) -> str:
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", of)
    monkeypatch.setattr(_build, "of_extension", lambda: {"version": "0.2.0", "profile": profile})
    assert maou.build_info()["commit"] == commit
