"""The Python environment from the lock file and the front-end packages from theirs.

A stamp with the lock's hash is written last: a folder without its stamp is half built and is made anew. So is
one that has lost files since: `rm -r` that was stopped leaves the stamp.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deploy import vendor
from deploy.child import run
from deploy.places import Places, digest, lost_files, stamped, write_listing
from deploy.progress import Step, Trouble

AGAIN = "read the lines above, then run the same command again: it starts this step afresh."


def python_packages(places: Places, step: Step) -> None:
    """Make `.venv` hold exactly what requirements.lock says, and the `jingwei` command.

    Raises:
        Trouble: the environment could not be built.
    """
    lock = places.root / "requirements.lock"
    wanted = digest(lock, salt=f"{sys.version_info[:2]} {places.venv}")
    whole = _whole(places.venv, places.venv / "jingwei-lock", wanted, step)
    if whole and not (places.bin / "python").exists():
        # The link leads nowhere once the system's Python is another.
        whole, step.note = False, "its Python is gone, made anew"
    if not whole:
        _build(places, step, lock)
        write_listing(places.venv)
        (places.venv / "jingwei-lock").write_text(wanted + "\n")
    _install_ourselves(places, step)


def _whole(folder: Path, stamp: Path, wanted: str, step: Step) -> bool:
    """Say whether a folder is what its lock file wants with no file lost; the step says why not."""
    if not folder.exists():
        step.note = "made"
    elif not stamp.exists():
        step.note = "half built before, made anew"
    elif not stamped(stamp, wanted):
        step.note = "the lock file changed, made anew"
    elif lost := lost_files(folder):
        step.note = f"{lost:,} files were missing, made anew" if lost > 0 else "made anew"
    else:
        step.note = "as the lock file says"
        return True
    return False


def _build(places: Places, step: Step, lock: Path) -> None:
    log = places.log / "pip.log"
    _remove(places.venv)
    run([sys.executable, "-m", "venv", places.venv], step, log=log, what="no .venv could be made", mend=AGAIN)
    pip = [places.bin / "python", "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar=off"]
    run(
        [*pip, "--require-hashes", "--only-binary=:all:", "-r", lock],
        step,
        log=log,
        what="the Python packages could not be installed",
        mend=AGAIN,
    )


def _install_ourselves(places: Places, step: Step) -> None:
    """Give the environment the `jingwei` command, as a link to this folder."""
    wanted = digest(places.root / "setup.cfg", places.root / "pyproject.toml", salt=str(places.root))
    stamp = places.venv / "jingwei-command"
    if stamped(stamp, wanted) and (places.bin / "jingwei").exists():
        return
    words = ["install", "--progress-bar=off", "--no-deps", "--no-build-isolation", "--no-index", "-e", "."]
    run(
        [places.bin / "python", "-m", "pip", "--disable-pip-version-check", *words],
        step,
        log=places.log / "pip.log",
        what="the `jingwei` command could not be installed",
        mend=AGAIN,
        cwd=places.root,
    )
    stamp.write_text(wanted + "\n")


def browser_packages(places: Places, step: Step) -> None:
    """Make `node_modules` hold what package-lock.json says, and copy the browser's files out of it.

    Raises:
        Trouble: npm failed, or a package lacks a file that we serve.
    """
    modules = places.root / "node_modules"
    wanted = digest(places.root / "package-lock.json", places.root / "package.json")
    whole = _whole(modules, modules / ".jingwei-lock", wanted, step)
    if not whole:
        _remove(modules)
        run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            step,
            log=places.log / "npm.log",
            what="the front-end packages could not be installed",
            mend=AGAIN,
            cwd=places.root,
        )
        write_listing(modules)
        (modules / ".jingwei-lock").write_text(wanted + "\n")
    count = vendor.copy(modules, places.vendor)
    if not whole:
        step.note += f"; {count} files copied to {places.vendor.relative_to(places.root)}"


def _remove(folder: Path) -> None:
    try:
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
    except PermissionError:
        raise Trouble(
            f"{folder} belongs to somebody else (an earlier run as root?).",
            f"`sudo rm -rf {folder}`, then run the same command again.",
        ) from None
