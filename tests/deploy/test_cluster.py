"""The private cluster's settings and folders."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy import cluster as module
from deploy.cluster import Cluster, cluster_of, elsewhere, peers, settings
from deploy.places import Places
from deploy.progress import Trouble
from deploy.system import Postgres


def cluster(tmp_path: Path, socket: str = "/x y/socket") -> Cluster:
    server = Postgres(major=15, bin=tmp_path)
    return Cluster(
        server=server, data=tmp_path / "pg", socket=Path(socket), log=tmp_path / "pg.log", user=None
    )


def test_the_server_listens_on_a_unix_socket_only(tmp_path):
    ours = settings(cluster(tmp_path), memory_mib=24_000, shared_mib=12_000)
    assert ours["listen_addresses"] == "''"
    assert ours["unix_socket_directories"] == "'/x y/socket'"
    assert ours["shared_buffers"] == "512MB"
    assert ours["dynamic_shared_memory_type"] == "posix"


def test_a_small_machine_or_container_gets_a_small_server(tmp_path):
    ours = settings(cluster(tmp_path), memory_mib=1024, shared_mib=64)
    assert ours["shared_buffers"] == "128MB"
    assert ours["dynamic_shared_memory_type"] == "mmap"


def test_the_address_is_one_that_libpq_reads(tmp_path):
    made = cluster(tmp_path)
    for address, user in ((made.url, "jingwei_app"), (made.owner_url, "jingwei")):
        parts = urlsplit(address)
        assert parts.path == "/jingwei"
        assert parse_qs(parts.query) == {"host": ["/x y/socket"], "user": [user]}


def test_only_the_caller_and_the_system_user_are_let_in():
    assert peers("li", system_user=None) == "here li postgres\nhere li jingwei\nhere li jingwei_app\n"
    assert peers("root", system_user="postgres").count("\n") == 6
    assert peers("postgres", system_user="postgres").count("\n") == 3


def test_a_long_path_gets_a_short_socket_folder_and_keeps_it(tmp_path):
    root = tmp_path / ("x" * 100)
    places = Places.of(root, {})
    places.make()
    first = module._socket_folder(places, places.var)
    assert len(os.fsencode(first)) < 90
    assert module._socket_folder(places, places.var) == first
    first.rmdir()
    second = module._socket_folder(places, places.var)
    assert second.is_dir()
    second.rmdir()


def test_two_clones_of_one_name_do_not_share_a_folder_elsewhere(tmp_path):
    one, two = (Places.of(tmp_path / name / "jingwei", {}) for name in ("a", "b"))
    assert elsewhere(one) != elsewhere(two)


def test_a_pid_file_that_names_another_program_is_stale(tmp_path):
    made = cluster(tmp_path)
    made.data.mkdir()
    pid_file = made.data / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n/somewhere\n")
    assert not made.running()
    made.forget_stale_pid()
    assert not pid_file.exists()


def test_a_cluster_of_a_version_that_is_gone_is_named(tmp_path, monkeypatch):
    places = Places.of(tmp_path, {})
    (places.var / "pg").mkdir(parents=True)
    (places.var / "pg" / "PG_VERSION").write_text("13\n")
    monkeypatch.setattr(module, "postgres_servers", lambda: [Postgres(major=15, bin=tmp_path)])
    with pytest.raises(Trouble, match="made by PostgreSQL 13; with PostGIS this system has: 15"):
        cluster_of(places)
