"""rogi: the toolkit for rock glacier inventories.

``__init__.pyi`` lists the public names; each is imported when it is first used, so that ``import rogi`` costs
nothing. A name whose extra is not installed is there all the same, and says so when it is called.
"""

import lazy_loader

__version__ = "0.1.0"
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        from rogi.distribution import missing_module

        said = missing_module(f"rogi.{name}", error.name)
        if said is None:
            raise

        def unavailable(*_: object, **__: object) -> None:
            raise said

        unavailable.__name__ = unavailable.__qualname__ = name
        unavailable.__doc__ = str(said)
        return unavailable
