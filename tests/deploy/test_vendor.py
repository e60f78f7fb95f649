"""The front-end files as the browser gets them."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from deploy.progress import Trouble
from deploy.vendor import PARTS, Part, copy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "node_modules"
    for name, version in (("drawer", "1.2.3"), ("@some/adapter", "4.5.6")):
        (folder / name / "dist").mkdir(parents=True)
        (folder / name / "package.json").write_text(json.dumps({"version": version}))
    (folder / "drawer/dist/drawer.js").write_text("export const draw = 1;\n" * 100)
    (folder / "@some/adapter/dist/adapter.js").write_text('import{draw}from"drawer";\n')
    return folder


DRAWER = Part("drawer", {"dist/drawer.js": "drawer.js"})
ADAPTER = Part(
    "@some/adapter",
    {"dist/adapter.js": "adapter.js"},
    name="adapter",
    rewrites={"adapter.js": [('from"drawer"', 'from"../drawer-{drawer}/drawer.js"')]},
)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_packages_give_the_same_bytes(modules, tmp_path):
    copy(modules, tmp_path / "one", (DRAWER, ADAPTER))
    copy(modules, tmp_path / "two", (DRAWER, ADAPTER))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_the_manifest_names_folders_sizes_and_hashes(modules, tmp_path):
    target = tmp_path / "vendor"
    assert copy(modules, target, (DRAWER, ADAPTER)) == 2
    manifest = json.loads((target / "manifest.json").read_text())
    assert manifest["folders"] == {"drawer": "drawer-1.2.3", "adapter": "adapter-4.5.6"}
    data = (target / "drawer-1.2.3/drawer.js").read_bytes()
    assert manifest["files"]["drawer-1.2.3/drawer.js"] == {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert gzip.decompress((target / "drawer-1.2.3/drawer.js.gz").read_bytes()) == data


def test_a_bare_module_name_becomes_an_address(modules, tmp_path):
    copy(modules, tmp_path / "vendor", (DRAWER, ADAPTER))
    text = (tmp_path / "vendor/adapter-4.5.6/adapter.js").read_text()
    assert text == 'import{draw}from"../drawer-1.2.3/drawer.js";\n'


def test_a_rewrite_that_no_longer_fits_is_an_error(modules, tmp_path):
    (modules / "@some/adapter/dist/adapter.js").write_text('import "drawer"')
    with pytest.raises(Trouble, match="0 times, not once"):
        copy(modules, tmp_path / "vendor", (DRAWER, ADAPTER))


def test_a_missing_file_and_a_missing_package_are_named(modules, tmp_path):
    with pytest.raises(Trouble, match=r"drawer 1\.2\.3 has no file dist/gone\.js"):
        copy(modules, tmp_path / "vendor", (Part("drawer", {"dist/gone.js": "gone.js"}),))
    with pytest.raises(Trouble, match="gone is not in"):
        copy(modules, tmp_path / "vendor", (Part("gone", {}),))


def test_what_is_there_is_left_alone_and_a_lost_file_comes_back(modules, tmp_path):
    target = tmp_path / "vendor"
    copy(modules, target, (DRAWER,))
    before = (target / "drawer-1.2.3/drawer.js").stat().st_mtime_ns
    copy(modules, target, (DRAWER,))
    assert (target / "drawer-1.2.3/drawer.js").stat().st_mtime_ns == before
    (target / "drawer-1.2.3/drawer.js").unlink()
    copy(modules, target, (DRAWER,))
    assert (target / "drawer-1.2.3/drawer.js").exists()


def test_a_new_version_leaves_nothing_of_the_old(modules, tmp_path):
    target = tmp_path / "vendor"
    copy(modules, target, (DRAWER,))
    (modules / "drawer/package.json").write_text(json.dumps({"version": "2.0.0"}))
    copy(modules, target, (DRAWER,))
    assert [path.name for path in target.iterdir() if path.is_dir()] == ["drawer-2.0.0"]


def test_every_part_is_a_locked_dependency_and_the_lock_names_no_host():
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert {part.package for part in PARTS} <= set(wanted)
    assert all(locked[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())
    assert not any("resolved" in entry for entry in locked.values())
