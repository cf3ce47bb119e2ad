"""What a Python program meets: ``import amt``."""

from __future__ import annotations

import inspect

import pytest

import amt.errors
import render.errors
from render.files.errors import AmtError


@pytest.mark.parametrize("module", [amt.errors, render.errors])
def test_all_errors_are_of_one_tree(module: object) -> None:
    errors = [
        found
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Exception)
    ]
    assert len(errors) > 5
    assert all(issubclass(error, AmtError) for error in errors)
    assert amt.errors.AmtError is AmtError
