"""Compiled templates are kept where that is possible, and rendered without being compiled again."""

import sys
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from drsim.reports.compiled import CompiledTemplates


class _NeverCompiles(Environment):
    def compile(self, *_arguments: object, **_keywords: object) -> object:  # type: ignore[override]
        raise AssertionError("a kept template was compiled again")


def _cache(folder: Path) -> CompiledTemplates:
    cache = CompiledTemplates()
    cache.directory = str(folder)
    return cache


def _rendered(kind: type[Environment], cache: CompiledTemplates, text: str = "{{ 1 + 1 }}") -> str:
    return kind(loader=DictLoader({"page": text}), bytecode_cache=cache).get_template("page").render()


def test_kept_templates_are_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    cache = _cache(tmp_path / "new")
    assert _rendered(Environment, cache) == "2"
    assert _rendered(_NeverCompiles, cache) == "2"


def test_changed_templates_are_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    cache = _cache(tmp_path)
    _rendered(Environment, cache)
    assert _rendered(Environment, cache, "{{ 1 + 2 }}") == "3"


def test_templates_render_where_nothing_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "file").touch()
    assert _rendered(Environment, _cache(tmp_path / "file")) == "2"


def test_nothing_is_kept_when_python_keeps_no_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    _rendered(Environment, _cache(tmp_path))
    assert not [*tmp_path.iterdir()]
