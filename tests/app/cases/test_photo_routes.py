"""Photos over HTTP."""

import errno
import io
import os
import shutil
from uuid import uuid4

import pytest
import sqlalchemy as sa
from PIL import Image

from app import blobs
from app.blobs import Photo
from app.facilities.models import Facility
from tests import people
from tests.city import A, middle
from tests.pictures import CAMERA, SECRET, bomb, name_of, picture, telling

PROBLEM = "application/problem+json"


def send(api, data: bytes, name: str | None = None, content_type: str = "image/jpeg"):
    return api.put(f"photos/{name or name_of(data)}", data=data, content_type=content_type)


def report(api, column: int, *photos: str):
    lon, lat = middle(column, 0)
    body = {"type": "F0101", "lon": lon, "lat": lat, "photos": photos}
    answer = api.put(f"reports/{uuid4()}", body)
    assert answer.status_code == 201, answer.text
    return answer.json


def rows(tx) -> int:
    return tx.execute(sa.select(sa.func.count()).select_from(Photo)).scalar_one()


@pytest.fixture(autouse=True)
def photos(app):
    """The folder of the photos, empty: the settings last longer than a test."""
    settings = app.config["JINGWEI"]
    for folder in (settings.photos, settings.copies):
        shutil.rmtree(folder, ignore_errors=True)
    return settings.photos


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_made_then_the_same(api, tx, photos, kind):
    data, worker = picture(1, kind=kind), api("worker")
    first, again = send(worker, data), send(worker, data, content_type="text/html")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    assert first.json == {
        "sha256": name_of(data), "media_type": f"image/{kind.lower()}", "size": len(data), "width": 64,
        "height": 48, "url": f"/api/v1/photos/{name_of(data)}",
    }  # fmt: skip
    assert [path.read_bytes() for path in files(photos)] == [data]
    assert rows(tx) == 1


@pytest.mark.parametrize("before", [True, False])
def test_a_photo_comes_before_or_after_its_report(api, before):
    data, worker = picture(1), api("citizen")
    if before:
        assert send(worker, data).status_code == 201
    case = report(worker, 0, name_of(data))
    if not before:
        missing = api("dispatcher").get(f"photos/{name_of(data)}")
        assert (missing.status_code, missing.content_type) == (404, PROBLEM)
        assert "still on its way" in missing.json["detail"]
        assert send(worker, data).status_code == 201
    assert case["photos"] == [name_of(data)]
    assert api("dispatcher").get(f"photos/{case['photos'][0]}").status_code == 200


@pytest.mark.parametrize(
    ("data", "called", "code", "words"),
    [
        (picture(1), "0" * 64, "other_bytes", "send the file as it was"),
        (picture(1), "f" * 63, "other_bytes", "64 digits 0-9a-f"),
        (b"", None, "no_picture", "send the photo's own bytes"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None, "no_picture", "SVG saved as JPEG"),
        (b"<!doctype html>" + SECRET, None, "no_picture", "no JPEG, PNG or WebP"),
        (picture(1)[:200], None, "no_picture", "send the whole file"),
        (bomb(), None, "too_many_pixels", "make it smaller"),
    ],
)
def test_what_is_no_photo_is_told_and_leaves_nothing(api, tx, photos, data, called, code, words):
    answer = send(api("worker"), data, called)
    assert (answer.status_code, answer.content_type, answer.json["code"]) == (422, PROBLEM, code)
    assert words in answer.json["detail"]
    assert answer.json["errors"][0]["field"] in {"body", "sha256"}
    assert (rows(tx), files(photos)) == (0, [])


def test_thirty_megabytes_are_too_much(api, tx, photos):
    answer = send(api("worker"), bytes(30_000_000))
    assert (answer.status_code, answer.content_type) == (413, PROBLEM)
    assert answer.json["detail"] == (
        "body: it has 30,000,000 bytes, and at most 10,000,000 fit; make the photo smaller"
    )
    assert (answer.json["errors"][0]["field"], answer.json["errors"][0]["value"]) == ("body", "30000000")
    assert (rows(tx), files(photos)) == (0, [])


def test_a_body_without_a_length_is_counted_while_it_comes(api, tx, photos):
    options = {
        "input_stream": io.BytesIO(bytes(10_000_001)),
        "environ_overrides": {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        "headers": api("worker").headers | {"Transfer-Encoding": "chunked"},
    }
    answer = api("worker").client.put(f"/api/v1/photos/{'0' * 64}", **options)
    assert answer.status_code == 413
    assert "more than 10,000,000 bytes" in answer.json["detail"]
    assert (rows(tx), files(photos)) == (0, [])


def test_a_full_disk_is_told_and_nothing_is_written(api, tx, photos, monkeypatch):
    worker = api("worker")
    kept = [send(worker, picture(n)).status_code for n in range(8)]

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    refused = [send(worker, picture(n)) for n in range(8, 30)]
    assert kept == [201] * 8
    assert {answer.status_code for answer in refused} == {507}
    assert refused[0].json["code"] == "no_room"
    assert "send it again later" in refused[0].json["detail"]
    assert rows(tx) == 8
    assert sorted(path.name for path in files(photos)) == sorted(name_of(picture(n)) for n in range(8))


def test_a_photo_is_shown_without_what_the_phone_wrote_into_it(api, photos):
    data, worker = telling(), api("worker")
    assert send(worker, data).status_code == 201
    assert [path.read_bytes() for path in files(photos)] == [data]
    for size, longest in (("thumb", 64), ("large", 64)):
        answer = worker.get(f"photos/{name_of(data)}", size=size)
        assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        image = Image.open(io.BytesIO(answer.data))
        assert image.size == (48, longest)
        assert not image.getexif()
        for secret in (CAMERA.encode(), SECRET, b"Exif"):
            assert secret not in answer.data


def test_a_thumb_is_small_and_large_is_what_comes_unasked(api):
    data, worker = picture(1, size=(3_000, 2_000)), api("worker")
    send(worker, data)
    path = f"photos/{name_of(data)}"
    sizes = [
        Image.open(io.BytesIO(worker.get(path, **query).data)).size
        for query in ({"size": "thumb"}, {"size": "large"}, {})
    ]
    assert sizes == [(320, 213), (2048, 1365), (2048, 1365)]
    answer = worker.get(path, size="huge")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "size")


def test_a_photo_that_a_browser_has_is_not_sent_twice_but_asked_for_each_time(api):
    data, worker = picture(1), api("worker")
    send(worker, data)
    path = f"/api/v1/photos/{name_of(data)}"
    tag = worker.client.get(path, headers=worker.headers).headers["ETag"]
    again = worker.client.get(path, headers=worker.headers | {"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    stranger = api("citizen")
    assert stranger.client.get(path, headers=stranger.headers | {"If-None-Match": tag}).status_code == 404


def test_a_photo_is_seen_by_who_sees_its_case_or_sent_it(api, tx):
    people.person(tx, "neighbour", "citizen")
    people.person(tx, "elsewhere", "dispatcher", "210302002")
    people.person(tx, "colleague", "worker", A, "W0002")
    data = picture(1)
    send(api("citizen"), data)
    path = f"photos/{name_of(data)}"
    seen = {"citizen": 200, "neighbour": 404, "worker": 404, "dispatcher": 404, "elsewhere": 404}
    assert {name: api(name).get(path).status_code for name in seen} == seen
    report(api("citizen"), 0, name_of(data))
    seen |= {"worker": 200, "dispatcher": 200, "colleague": 404, "supervisor": 200, "admin": 200}
    assert {name: api(name).get(path).status_code for name in seen} == seen
    assert api("citizen").client.get(f"/api/v1/{path}").status_code == 401


def test_naming_a_photo_in_a_report_of_ones_own_opens_it_to_nobody(api, tx):
    people.person(tx, "thief", "citizen")
    data, late = picture(1), picture(2)
    send(api("citizen"), data)
    for photo in (data, late):
        report(api("thief"), 0, name_of(photo))
    send(api("citizen"), late)
    for photo in (data, late):
        for name in ("thief", "worker", "dispatcher"):
            assert api(name).get(f"photos/{name_of(photo)}").status_code == 404
        assert api("citizen").get(f"photos/{name_of(photo)}").status_code == 200


def test_a_photo_that_went_round_is_shown_where_whoever_has_it_names_it(api, tx):
    people.person(tx, "neighbour", "citizen")
    data = picture(1)
    assert [send(api(name), data).status_code for name in ("citizen", "neighbour")] == [201, 200]
    case = report(api("neighbour"), 0, name_of(data))
    for name in ("citizen", "neighbour", "dispatcher"):
        assert api(name).get(f"photos/{name_of(data)}").status_code == 200
    assert case["photos"] == [name_of(data)]


def test_a_facilitys_photo_is_seen_by_everybody_signed_in(api, tx):
    data = picture(1)
    send(api("worker"), data)
    tx.execute(
        sa.update(Facility).where(Facility.code == "2103020101000001").values(photo_sha256=name_of(data))
    )
    assert api("citizen").get(f"photos/{name_of(data)}").status_code == 200


@pytest.mark.parametrize("called", ["x", "0" * 64, "%00", "..%2f..%2fsecret_key", "é" * 64])
def test_a_photo_that_is_not_there_is_not_found(api, called):
    answer = api("admin").get(f"photos/{called}")
    assert answer.status_code == 404


def test_a_page_that_uses_a_cookie_brings_its_token(app, api, client):
    """A photo is no form: `<img>` and `fetch` of another site send nothing that counts."""
    answer = client.put(f"/api/v1/photos/{name_of(picture(1))}", data=picture(1))
    assert answer.status_code == 401


def test_a_photo_whose_row_was_lost_is_told_again_by_sending_it(api, tx):
    data, worker = picture(1), api("worker")
    send(worker, data)
    tx.execute(sa.delete(Photo))
    assert worker.get(f"photos/{name_of(data)}").status_code == 404
    assert send(worker, data).status_code == 201
    blobs.place(worker.client.application.config["JINGWEI"].photos, name_of(data)).unlink()
    assert send(worker, data).status_code == 200
    assert worker.get(f"photos/{name_of(data)}").status_code == 200
