"""For the development environment: torchvision of one index beside a CPU build of torch of another.

They do not fit together: torchvision's compiled operators are not found, and its import stops with
``operator torchvision::nms does not exist``. timm and segmentation-models-pytorch import torchvision whatever
they need of it, which for segmentation is nothing compiled. So where that import fails, and only there, the
operators that it asks for are declared, never to be called. ``make setup`` puts this file and
``cpu_torchvision.pth``, which imports it when Python starts, beside the packages of ``.venv``; rogi itself
knows nothing of it.
"""

import sys
from importlib.machinery import PathFinder, SourceFileLoader

MISSING_OPERATOR = "torchvision::nms"
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
"""Schemas as torchvision declares them, in ``csrc/ops``."""

_kept = []  # the operators live as long as the library object


class Loader(SourceFileLoader):
    """Runs torchvision, and once more with the operators declared where they are missing."""

    def exec_module(self, module):
        try:
            super().exec_module(module)
        except RuntimeError as error:
            if MISSING_OPERATOR not in str(error):
                raise
            for name in [name for name in sys.modules if name.startswith("torchvision.")]:
                del sys.modules[name]
            from torch import library

            fragment = library.Library("torchvision", "FRAGMENT")
            for schema in OPERATORS:
                fragment.define(schema)
            _kept.append(fragment)
            super().exec_module(module)


class Finder:
    """Gives torchvision that loader, and leaves every other module alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "torchvision":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, Finder)
