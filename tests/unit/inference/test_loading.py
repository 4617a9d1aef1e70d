"""Where transformers puts a model; nothing of it is loaded here."""

from __future__ import annotations

from typing import Any

import pytest

from wattbench.errors import FaultError
from wattbench.inference.backends.loading import PRECISIONS, placement, refuse_offloading
from wattbench.study.vram import bits_per_weight

GIB = 2**30


@pytest.mark.parametrize(
    ("gpus", "free", "expected"),
    [
        (0, [], {"device_map": "cpu"}),
        (0, [80 * GIB], {"device_map": "cpu"}),
        (1, [80 * GIB] * 4, {"device_map": {"": 0}}),
        (2, [80 * GIB] * 2, {"device_map": "auto"}),
        (
            2,
            [10 * GIB] * 4,
            {"device_map": "auto", "max_memory": {0: 9 * GIB, 1: 9 * GIB}},
        ),
    ],
)
def test_a_model_goes_to_the_gpus_that_the_job_was_given(
    gpus: int, free: list[int], expected: dict[str, Any]
) -> None:
    assert placement(gpus, free) == expected


def test_parts_on_the_processor_are_refused_where_there_are_gpus() -> None:
    for layers in ({"a": 0, "b": "cpu"}, {"a": 0, "b": 1, "c": "disk"}):
        with pytest.raises(FaultError, match="no room"):
            refuse_offloading(layers)
    for layers in ({"": "cpu"}, {"": 0}, {"a": 0, "b": 1}, {}):
        refuse_offloading(layers)


def test_the_size_of_every_precision_is_known() -> None:
    assert all(bits_per_weight(name) for name in PRECISIONS if name != "auto")
