"""A foreign file is read by a child: its memory and time are bounded, and its death is no death of ours."""

import os
import signal
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gis import isolated
from gis.errors import BadFile, NoCrs, TooLarge, UnknownCrs
from gis.formats import Kind, Limits, read, read_isolated, write


@pytest.fixture
def file(tmp_path) -> Path:
    rng = np.random.default_rng(1)
    spots = shapely.points(123 + rng.random(500) / 10, 41 + rng.random(500) / 10)
    frame = gpd.GeoDataFrame(
        {"code": [f"{n:03d}" for n in range(500)], "n": range(500)}, geometry=spots, crs=4326
    )
    write(frame, tmp_path / "a.gpkg")
    return tmp_path / "a.gpkg"


def test_a_child_reads_what_we_would_read(file):
    ours, theirs = read(file), read_isolated(file, kinds={Kind.POINT}, region=(122, 40, 124, 42))
    assert ours.table.equals(theirs.table)
    assert shapely.equals_exact(ours.geometries, theirs.geometries, 0).all()
    assert (ours.crs, ours.name, ours.findings) == (theirs.crs, theirs.name, theirs.findings)


def test_what_is_wrong_is_told_as_if_we_had_read_it(file, tmp_path):
    for wrong, kind in (({"crs": "mars"}, UnknownCrs), ({"layer": "b"}, BadFile)):
        with pytest.raises(kind) as ours:
            read(file, **wrong)
        with pytest.raises(kind) as theirs:
            read_isolated(file, **wrong)
        assert type(ours.value) is type(theirs.value)
        assert str(ours.value) == str(theirs.value)
        assert vars(ours.value) == vars(theirs.value)
    (tmp_path / "b.csv").write_text("wkt,code\nPOINT (1 2),1\n")
    with pytest.raises(NoCrs, match="--crs wgs84"):
        read_isolated(tmp_path / "b.csv")


def test_too_much_memory_is_an_error_in_words(file):
    with pytest.raises(TooLarge, match="needed more than 300 MB of memory") as told:
        read_isolated(file, limits=Limits(memory_bytes=300_000_000))
    assert "300 MB" in told.value.zh


def test_too_much_time_is_an_error_in_words(file):
    with pytest.raises(TooLarge, match=r"took longer than 0\.05 s"):
        read_isolated(file, limits=Limits(seconds=0.05))


def test_a_child_that_dies_of_the_file_is_an_error_in_words_and_leaves_nothing(file, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    dying = tmp_path / "dying"
    dying.write_text(f"#!/bin/sh\nkill -{signal.SIGSEGV.value} $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(isolated.sys, "executable", str(dying))
    with pytest.raises(TooLarge, match="broke the reader"):
        read_isolated(file)
    assert list((tmp_path / "own").iterdir()) == []


def test_the_child_sees_no_secrets_of_ours(monkeypatch):
    monkeypatch.setenv("JINGWEI_SECRET_KEY", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    assert "secret" not in isolated._environment("/tmp/x").values()
    assert os.environ["PATH"] == isolated._environment("/tmp/x")["PATH"]
