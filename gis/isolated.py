"""A foreign file read in a process of its own: GDAL may crash, fill the memory or never end, and we stand.

The child gets no secrets of ours in its environment, and a folder for temporary files that is removed
whatever becomes of it. What it read, or what was wrong, comes back through a file in that folder.
"""

import logging
import os
import pickle
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis.errors import GisError, TooLarge
from gis.limits import Limits
from gis.reading import Layer, read

log = logging.getLogger(__name__)
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PROJ_DATA", "PROJ_LIB", "GDAL_DATA")
_REQUEST, _ANSWER = "request", "answer"


def read_isolated(path: Path | str, *, limits: Limits | None = None, **wanted: Any) -> Layer:
    """Return what `gis.reading.read` returns, read by a child whose memory and time are bounded.

    Args:
        path: as in `read`.
        limits: `memory_bytes` and `seconds` bound the child, the rest is as in `read`.
        wanted: the other arguments of `read`.

    Raises:
        TooLarge: the child needed more memory or time than it may, or died of the file.
        BadFile, UnknownCrs: as in `read`.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="jingwei-") as folder:
        request = {"path": str(path), "limits": limits, **wanted}
        Path(folder, _REQUEST).write_bytes(pickle.dumps(request))
        # -P: a module that lies where the user stands is none of ours
        command = [sys.executable, "-P", "-m", "gis.isolated", folder]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and module
                command, env=_environment(folder), capture_output=True, timeout=limits.seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise _too_long(str(path), limits) from None
        answer = Path(folder, _ANSWER)
        if done.returncode != 0 or not answer.is_file():
            log.warning(
                "reading ended with %s: %s", done.returncode, done.stderr.decode(errors="replace")[-2_000:]
            )
            raise _too_much(str(path), limits)
        return _received(pickle.loads(answer.read_bytes()))  # noqa: S301 - our own child wrote it


def _environment(folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    root = str(Path(__file__).resolve().parent.parent)
    # one thread: each of a dozen would reserve its own address space
    return kept | {"PYTHONPATH": root, "TMPDIR": folder, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _too_long(file: str, limits: Limits) -> TooLarge:
    name, most = Path(file).name, limits.seconds
    return TooLarge(
        f"{name} was given up: reading it took longer than {most:g} s. Nothing was read. Split it, or export "
        "it again without needless detail.",
        f"{name} 读取超过 {most:g} 秒，已放弃，没有读入任何数据。请拆分文件，或去除多余细节后重新导出。",
    )


def _too_much(file: str, limits: Limits) -> TooLarge:
    name, most = Path(file).name, limits.memory_bytes // 1_000_000
    return TooLarge(
        f"{name} was given up: reading it needed more than {most:,} MB of memory, or broke the reader. "
        "Nothing was read. Split it by district, or export it again.",
        f"读取 {name} 所需内存超过 {most:,} MB，或导致读取程序中断，已放弃，没有读入任何数据。"
        "请按区县拆分，或重新导出。",
    )


def _received(answer: Any) -> Layer:
    """Return the layer that the child read.

    Raises:
        GisError: what the child found wrong.
    """
    if isinstance(answer, Layer):
        blobs = answer.geometries
        return (
            answer
            if blobs is None
            else replace(answer, geometries=np.asarray(shapely.from_wkb(blobs), object))
        )
    kind, arguments, facts = answer
    # made without __init__, which takes other arguments than Exception keeps
    error: GisError = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(facts)
    raise error


def _answer(request: dict[str, Any]) -> Any:
    """Return the layer with its geometry as WKB, or what is wrong, as parts."""
    try:
        layer = read(request.pop("path"), **request)
    except GisError as error:
        return type(error), error.args, vars(error)
    if layer.geometries is None:
        return layer
    return replace(layer, geometries=np.asarray(shapely.to_wkb(layer.geometries), object))


def main(folder: Path) -> None:
    """Read what the request in `folder` says, within its limits, and write the answer there."""
    request = pickle.loads((folder / _REQUEST).read_bytes())  # noqa: S301 - our own parent wrote it
    limits: Limits = request["limits"]
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer = _answer(request)
    part = folder / f"{_ANSWER}.part"
    with part.open("wb") as file:
        pickle.dump(answer, file, protocol=5)
    part.rename(folder / _ANSWER)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
