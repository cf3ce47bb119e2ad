"""One thread for decoding, and no other thread's number changed."""

from __future__ import annotations

import threading

import pytest
import torch

from amt.models.threads import single_threaded


def threads_of_another() -> int:
    found = []
    other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    other.start()
    other.join()
    return found[0]


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> int:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_the_calling_thread_has_one_and_others_what_they_had(threads: int) -> None:
    with single_threaded():
        assert torch.get_num_threads() == 1
        assert threads_of_another() == threads
    assert torch.get_num_threads() == threads
    assert threads_of_another() == threads


def test_an_error_inside_puts_the_number_back(threads: int) -> None:
    with pytest.raises(ValueError, match="inside"), single_threaded():
        raise ValueError("inside")
    assert torch.get_num_threads() == threads
