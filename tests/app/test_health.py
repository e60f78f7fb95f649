"""Whether Jingwei says truly that it is ready."""

import sqlalchemy as sa

from app import schema


def test_a_migrated_city_is_ready(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    ready = {"status": "ready", "migration": schema.newest()}
    assert {name: answer.json[name] for name in ready} == ready


def test_a_schema_that_is_behind_is_not_ready(client, tx):
    tx.execute(sa.text("UPDATE alembic_version SET version_num = '0000_old'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["code"] == "not_migrated"
    assert answer.content_type == "application/problem+json"
