"""Which features of a layer are of one kind and may be compared: outlines by type, moving areas by class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.rules.context import Context
from rogi.schema.model import Role

UNKNOWN = -1


def outline_groups(context: Context, role: Role) -> NDArray[np.int64]:
    """(n,) a number for each kind of feature; UNKNOWN where the kind is not known.

    Outlines differ by type and by whether they are of units or of systems; moving areas by velocity
    class and time. Where a layer does not say, all are of one kind.
    """
    return context.once(("groups", role), lambda: _groups(context, role))


def _groups(context: Context, role: Role) -> NDArray[np.int64]:
    n = len(context.layer(role))
    labels: list[NDArray[Any]] = []
    required: list[NDArray[Any]] = []
    if role is Role.OUTLINE:
        kind = context.outline_kind()
        if not pd.isna(kind).all():
            required.append(kind)
        if context.has(role, "primary_id"):
            ids = context.text(role, "primary_id")
            labels.append(pd.Series(ids, dtype="str").str[:3].str.upper().eq("RGS").to_numpy(dtype=bool))
    if role is Role.MOVING_AREA:
        labels += [
            context.text(role, concept)
            for concept in ("velocity_class", "kinematic_period", "observation_window")
            if context.has(role, concept)
        ]
    code = np.zeros(n, np.int64)
    for values in (*labels, *required):
        own, _ = pd.factorize(pd.Series(values, dtype=object), use_na_sentinel=False)
        code, _ = pd.factorize(code * (int(own.max(initial=0)) + 1) + own)
    out = np.asarray(code, dtype=np.int64)
    for values in required:
        out[pd.isna(values)] = UNKNOWN
    return out
