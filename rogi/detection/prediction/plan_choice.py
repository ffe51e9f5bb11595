"""How the network of a prediction is run: chosen once, and kept for as long as its blocks are."""

from __future__ import annotations

import contextlib
from importlib import import_module
from typing import TYPE_CHECKING

from rogi.detection.model.backends import Selection, select_backend, usable_cores
from rogi.detection.model.engines import Plan
from rogi.errors import OptionError, RogiError
from rogi.ledger import Ledger, digest
from rogi.text import counted

if TYPE_CHECKING:
    from rogi.detection.model.ensemble import Models


def choose_plan(
    models: Models,
    ledger: Ledger,
    *,
    device: str = "auto",
    precision: str = "auto",
    backend: str = "auto",
    threads: int | None = None,
    batch: int | None = None,
    threshold: float | None = None,
    workers: int | None = None,
    cluster: bool = False,
) -> tuple[Plan, Selection | None]:
    """How to run the network: as before, where the ledger knows, else the fastest that passes the self-test.

    A run that goes on must compute as the one before: what is fastest may change with every other load. So
    another threshold changes the choice only where what was chosen turns too many labels at that threshold;
    the new choice is then remembered in its place. Of several models all pass the self-test.

    Parameters
    ----------
    models : Models
    device, precision, backend, batch, threshold
        See `rogi.detection.model.backends.select_backend`.
    ledger : Ledger
    threads : int, optional
        Of each worker; by default its share of the cores, on a cluster one.
    workers : int, optional
    cluster : bool

    Returns
    -------
    plan : Plan
    selection : Selection or None
        How the plans did; None where the ledger knew.
    """
    cores = usable_cores()
    if threads is None:
        threads = 1 if cluster else max(1, cores // (workers or 1))
    elif threads * (workers or 1) > cores and not cluster and (workers or 1) > 1:
        raise OptionError(
            f"--workers {workers} with --threads {threads} each are more than the {counted(cores, 'core')} "
            "here; lower one of them."
        )
    key = _choice_key(models, device, precision, backend)
    held = ledger.known([key]).get(key)
    if held is not None:
        with contextlib.suppress(RogiError):
            again = select_backend(
                models.bundles,
                device=held["device"],
                precision=held["precision"],
                backend=held["backend"],
                threads=threads,
                batch=batch or held["batch"],
                threshold=threshold,
            )
            if again.plan.version == held["version"]:
                ledger.record({key: {**held, "passed": sorted({*held["passed"], _level(models, threshold)})}})
                return again.plan, None
    found = select_backend(
        models.bundles,
        device=device,
        precision=precision,
        backend=backend,
        threads=threads,
        batch=batch,
        threshold=threshold,
    )
    plan = found.plan
    ledger.record(
        {
            key: {
                "device": plan.device,
                "precision": plan.precision,
                "backend": plan.backend,
                "version": plan.version,
                "batch": plan.batch,
                "passed": [_level(models, threshold)],
            }
        }
    )
    return plan, found


def remembered_plan(
    models: Models,
    ledger: Ledger,
    *,
    device: str = "auto",
    precision: str = "auto",
    backend: str = "auto",
    batch: int | None = None,
    threshold: float | None = None,
) -> Plan | None:
    """What `choose_plan` chose before with these options and tested at this threshold; it may not run here.

    It says which finished blocks are those of this run: an array of jobs on GPUs may end on a machine that
    has none.
    """
    key = _choice_key(models, device, precision, backend)
    held = ledger.known([key]).get(key)
    if held is None or _level(models, threshold) not in held["passed"]:
        return None
    return Plan(
        held["backend"], held["device"], held["precision"], held["version"], batch=batch or held["batch"]
    )


def _choice_key(models: Models, device: str, precision: str, backend: str) -> str:
    members = [bundle.digest for bundle in models.bundles]
    return digest("plan", *members, device, precision, backend)


def _level(models: Models, threshold: float | None) -> float:
    return models.card.threshold if threshold is None else threshold


def worker_count(plan: Plan, wanted: int | None, cluster: str | None) -> int:
    """Processes that predict: as many as wanted; by default one, or one for each GPU of NVIDIA.

    Raises
    ------
    OptionError
        More than there are GPUs.
    """
    if plan.device == "cpu" or cluster is not None:
        return wanted or 1
    gpus = 1
    if plan.device == "cuda" and plan.backend == "torch":
        gpus = import_module("torch").cuda.device_count()
    if wanted is not None and wanted > gpus:
        raise OptionError(
            f"--workers {wanted}: found {counted(gpus, f'{plan.device} device')}; each worker takes one."
        )
    return wanted or gpus
