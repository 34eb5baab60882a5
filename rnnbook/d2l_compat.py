"""d2l 0.17.0, the library of the classic tutorials, made to run on current releases.

Three things have changed since d2l 0.17.0 was released, and each is answered where d2l looks
for it and nowhere else:

* d2l imports torchvision, which this book does not need. Where torchvision does not import, a
  stand-in takes its place while d2l is being imported. It is taken out of ``sys.modules`` at once,
  so that no other library mistakes it for the real one; only d2l keeps it.
* IPython has removed ``IPython.display.set_matplotlib_formats``. d2l is given a view of
  ``IPython.display`` that has it; ``IPython.display`` itself stays as it is.
* PyTorch warns when a loss that still carries its graph is turned into a number, as d2l's
  ``Accumulator`` does. The loss is detached first.

Beyond that, d2l keeps its downloads in our cache, and reads the verified Time Machine.
"""

import functools
import importlib
import importlib.metadata
import sys
from types import ModuleType

import torch

from rnnbook.datasets._fetch import cache_dir as our_cache
from rnnbook.datasets.time_machine import time_machine_path
from rnnbook.versions import required


class _NoTorchvision(ModuleType):
    """Stands in for torchvision until something of it is really used."""

    def __getattr__(self, name: str) -> object:
        # Introspection asks for special names that may be absent, and expects an AttributeError.
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        raise ImportError(
            f"{self.__name__}.{name} is needed here, and torchvision is not installed: "
            "d2l's image chapters use it, its recurrent ones do not. pip install torchvision, "
            "then restart the kernel"
        )


def load_d2l() -> ModuleType:
    """Import d2l.torch, prepared to run on current numpy, PyTorch, matplotlib and IPython.

    Call it instead of, or before, ``from d2l import torch as d2l``; both then give the same
    module. Calling it again changes nothing. Note that d2l's plotting functions switch the whole
    notebook to SVG figures, here as ever.

    Returns:
        The module ``d2l.torch`` of d2l 0.17.0.
    Raises:
        ImportError: if d2l is not installed, or is another release.
    Source: A. Zhang, Z. C. Lipton, M. Li and A. J. Smola, Dive into Deep Learning, chapter 8.
    """
    _require_version()
    d2l = _import_d2l()
    if not getattr(d2l, "prepared_by_rnnbook", False):
        _give_display(d2l)
        _detach_before_counting(d2l.Accumulator)
        _share_cache(d2l)
        d2l.prepared_by_rnnbook = True
    return d2l


def _require_version() -> None:
    wanted = required("d2l")
    remedy = f"pip install 'd2l{wanted}'"
    try:
        found = importlib.metadata.version("d2l")
    except importlib.metadata.PackageNotFoundError as error:
        raise ImportError(f"d2l is not installed: {remedy}", name="d2l") from error
    if not wanted.contains(found):
        raise ImportError(
            f"the installed d2l is release {found}; the book works with {wanted}, the last "
            f"one that does not force numpy back to 2022: {remedy}",
            name="d2l",
        )


def _import_d2l() -> ModuleType:
    if "d2l.torch" in sys.modules:
        return sys.modules["d2l.torch"]
    try:
        importlib.import_module("torchvision")
    except Exception:  # a torchvision built for another PyTorch raises more than ImportError
        return _import_d2l_without_torchvision()
    return importlib.import_module("d2l.torch")


def _import_d2l_without_torchvision() -> ModuleType:
    stand_in = _NoTorchvision("torchvision")
    stand_in.transforms = _NoTorchvision("torchvision.transforms")
    sys.modules["torchvision"] = stand_in
    try:
        return importlib.import_module("d2l.torch")
    finally:
        del sys.modules["torchvision"]


def _give_display(d2l: ModuleType) -> None:
    if hasattr(d2l.display, "set_matplotlib_formats"):
        return
    view = ModuleType(d2l.display.__name__, d2l.display.__doc__)
    view.__dict__.update(vars(d2l.display), set_matplotlib_formats=_set_matplotlib_formats)
    d2l.display = view


def _set_matplotlib_formats(*formats: str, **options: object) -> None:
    from IPython import get_ipython
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    # Outside IPython, matplotlib_inline would start a whole shell to have something to configure.
    if get_ipython() is not None:
        set_matplotlib_formats(*formats, **options)


def _detach_before_counting(accumulator: type) -> None:
    add = accumulator.add

    @functools.wraps(add)
    def add_detached(self: object, *values: object) -> None:
        add(self, *(v.detach() if isinstance(v, torch.Tensor) else v for v in values))

    accumulator.add = add_detached


def _share_cache(d2l: ModuleType) -> None:
    fetch = d2l.download

    @functools.wraps(fetch)
    def download(name: str, cache_dir: str | None = None) -> str:
        if cache_dir is None and name == "time_machine":
            return str(time_machine_path())
        return fetch(name, str(our_cache()) if cache_dir is None else cache_dir)

    d2l.download = download
