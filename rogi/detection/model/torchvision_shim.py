"""Importing torchvision beside a torch that was built elsewhere.

A CPU build of torch from one index and torchvision from another do not fit together: torchvision's compiled
operators are not found, and its import stops with ``operator torchvision::nms does not exist``. timm and
segmentation-models-pytorch import torchvision whatever they need of it, which for segmentation is nothing
compiled. So the two operators that the import asks for are declared, never to be called.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

from rogi.distribution import missing

MISSING_OPERATOR = "torchvision::nms"
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""Schemas as torchvision declares them, in ``csrc/ops``."""

_kept: list[Any] = []  # the operators live as long as the library object


@cache
def import_torchvision() -> None:
    """Import torchvision, declaring the operators it misses; call it before importing timm or smp.

    Raises
    ------
    MissingExtra
        torch or torchvision is not installed.
    """
    try:
        import_module("torch")
    except ImportError:
        raise missing("Training needs PyTorch", "train") from None
    try:
        import_module("torchvision")
    except ImportError:
        raise missing("Training needs torchvision", "train") from None
    except RuntimeError as error:
        if MISSING_OPERATOR not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        from torch import library as operators

        declare: Any = operators.Library  # without types
        fragment = declare("torchvision", "FRAGMENT")
        for schema in OPERATORS:
            fragment.define(schema)
        _kept.append(fragment)
        import_module("torchvision")
