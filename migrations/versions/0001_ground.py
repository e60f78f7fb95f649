"""Lay the ground tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

from app.transaction import Xid8

revision = "0001_ground"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lay the ground tables."""
    op.create_geospatial_table(
        "areas",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON", srid=4326, dimension=2, spatial_index=False, nullable=False
            ),
            nullable=False,
        ),
        sa.Column("desk_staffed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("desk_phone", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("code ~ '^([0-9]{6}|[0-9]{9}|[0-9]{12})$'", name=op.f("ck_areas_code")),
        sa.CheckConstraint("level IN ('city', 'district', 'town', 'community')", name=op.f("ck_areas_level")),
        sa.ForeignKeyConstraint(["parent_code"], ["areas.code"], name=op.f("fk_areas_parent_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_areas")),
    )
    op.create_geospatial_index(
        "ix_areas_geom", "areas", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "ix_areas_name_trgm",
        "areas",
        ["name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index("ix_areas_parent_code", "areas", ["parent_code"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "payload",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_xid_id", "events", ["xid", "id"], unique=False)
    op.create_table(
        "facility_types",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_facility_types")),
    )
    op.create_table(
        "grid_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("valid_from", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), server_default="", nullable=False),
        sa.Column("source_crs", sa.Text(), server_default="", nullable=False),
        sa.Column("source_sha256", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_versions")),
    )
    op.create_table(
        "rate_buckets",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("window_start", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_buckets")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "case_types",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("clock", sa.Text(), nullable=False),
        sa.Column("limit_value", sa.Double(), nullable=False),
        sa.Column("facility_type_code", sa.Text(collation="C"), nullable=True),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "clock IN ('urgent_hour', 'natural_day', 'work_hour', 'work_day')",
            name=op.f("ck_case_types_clock"),
        ),
        sa.CheckConstraint("urgency BETWEEN 1 AND 3", name=op.f("ck_case_types_urgency")),
        sa.ForeignKeyConstraint(
            ["facility_type_code"], ["facility_types.code"], name=op.f("fk_case_types_facility_type_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_case_types")),
    )
    op.create_table(
        "cells",
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("community_code", sa.Text(collation="C"), nullable=False),
        sa.Column("population", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["community_code"], ["areas.code"], name=op.f("fk_cells_community_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_cells")),
    )
    op.create_index("ix_cells_community_code", "cells", ["community_code"], unique=False)
    op.create_geospatial_table(
        "workers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("home_code", sa.Text(collation="C"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "position",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("position_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("position_accuracy_m", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["home_code"], ["areas.code"], name=op.f("fk_workers_home_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        sa.UniqueConstraint("code", name=op.f("uq_workers_code")),
    )
    op.create_index("ix_workers_home_code", "workers", ["home_code"], unique=False)
    op.create_geospatial_index(
        "ix_workers_position",
        "workers",
        ["position"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_geospatial_table(
        "cell_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("cell_code", sa.Text(collation="C"), nullable=False),
        sa.Column("valid", postgresql.TSTZRANGE(), nullable=False),
        sa.Column(
            "geom",
            Geometry(geometry_type="POLYGON", srid=4326, dimension=2, spatial_index=False, nullable=False),
            nullable=False,
        ),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("grid_version_id", sa.BigInteger(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("cell_code"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="one_outline_at_a_time",
        ),
        sa.CheckConstraint(
            "NOT isempty(valid) AND NOT lower_inf(valid)", name=op.f("ck_cell_versions_valid")
        ),
        sa.CheckConstraint("ST_IsValid(geom)", name=op.f("ck_cell_versions_geom")),
        sa.ForeignKeyConstraint(["cell_code"], ["cells.code"], name=op.f("fk_cell_versions_cell_code")),
        sa.ForeignKeyConstraint(
            ["grid_version_id"], ["grid_versions.id"], name=op.f("fk_cell_versions_grid_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_versions")),
    )
    op.create_geospatial_index(
        "ix_cell_versions_geom",
        "cell_versions",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )
    op.create_table(
        "people",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("username = lower(username)", name=op.f("ck_people_username")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_people_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("username", name=op.f("uq_people_username")),
    )
    op.create_table(
        "posts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("cell_code", sa.Text(collation="C"), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("cell_code"), "="),
            (sa.column("role"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="one_holder_at_a_time",
        ),
        sa.CheckConstraint("role IN ('primary', 'backup')", name=op.f("ck_posts_role")),
        sa.CheckConstraint("NOT isempty(during) AND NOT lower_inf(during)", name=op.f("ck_posts_during")),
        sa.ForeignKeyConstraint(["cell_code"], ["cells.code"], name=op.f("fk_posts_cell_code")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_posts_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    op.create_index("ix_posts_worker_id", "posts", ["worker_id"], unique=False)
    op.create_table(
        "shifts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("worker_id"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="one_shift_at_a_time",
        ),
        sa.CheckConstraint("NOT isempty(during)", name=op.f("ck_shifts_during")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_shifts_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_table(
        "grants",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("area_code", sa.Text(collation="C"), nullable=False),
        sa.CheckConstraint(
            "role IN ('citizen', 'worker', 'operator', 'dispatcher', 'supervisor', 'planner', 'admin')",
            name=op.f("ck_grants_role"),
        ),
        sa.ForeignKeyConstraint(["area_code"], ["areas.code"], name=op.f("fk_grants_area_code")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_grants_person_id")),
        sa.PrimaryKeyConstraint("person_id", "role", "area_code", name=op.f("pk_grants")),
    )
    op.create_table(
        "photos",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_from", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_photos_sha256")),
        sa.ForeignKeyConstraint(["received_from"], ["people.id"], name=op.f("fk_photos_received_from")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_photos")),
    )
    op.create_table(
        "sessions",
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("seen_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_sessions_person_id")),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_tokens_person_id")),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_tokens_name")),
    )
    op.create_geospatial_table(
        "facilities",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("type_code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("condition", sa.Text(), server_default="good", nullable=False),
        sa.Column("photo_sha256", sa.Text(), nullable=True),
        sa.Column("installed", sa.Date(), nullable=True),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "geom", Geometry(srid=4326, dimension=2, spatial_index=False, nullable=False), nullable=False
        ),
        sa.CheckConstraint(
            "condition IN ('good', 'damaged', 'missing', 'abandoned')", name=op.f("ck_facilities_condition")
        ),
        sa.CheckConstraint("geometrytype(geom) <> 'GEOMETRYCOLLECTION'", name=op.f("ck_facilities_geom")),
        sa.ForeignKeyConstraint(["photo_sha256"], ["photos.sha256"], name=op.f("fk_facilities_photo_sha256")),
        sa.ForeignKeyConstraint(["type_code"], ["facility_types.code"], name=op.f("fk_facilities_type_code")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facilities")),
        sa.UniqueConstraint("code", name=op.f("uq_facilities_code")),
    )
    op.create_geospatial_index(
        "ix_facilities_geom", "facilities", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "ix_facilities_type_code_geom",
        "facilities",
        ["type_code", "geom"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_geospatial_table(
        "cases",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("no", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("type_code", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "geom",
            Geometry(geometry_type="POINT", srid=4326, dimension=2, spatial_index=False, nullable=False),
            nullable=False,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("crs_source", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("cell_code", sa.Text(collation="C"), nullable=True),
        sa.Column("nearest_cell_code", sa.Text(collation="C"), nullable=True),
        sa.Column("outside_m", sa.Double(), nullable=True),
        sa.Column("community_code", sa.Text(collation="C"), nullable=False),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("desk_code", sa.Text(collation="C"), nullable=True),
        sa.Column("facility_id", sa.BigInteger(), nullable=True),
        sa.Column("reported_by", sa.BigInteger(), nullable=True),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("received_again", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("kind IN ('incident', 'appeal')", name=op.f("ck_cases_kind")),
        sa.CheckConstraint(
            "source IN ('worker', 'citizen', 'operator', 'script')", name=op.f("ck_cases_source")
        ),
        sa.CheckConstraint(
            "status IN ('reported', 'verifying', 'accepted', 'filed', 'dispatched', 'handling', 'suspended', 'feedback', 'checking', 'callback', 'supervised', 'accountable', 'closed', 'void', 'merged')",
            name=op.f("ck_cases_status"),
        ),
        sa.CheckConstraint(
            "(cell_code IS NULL) = (outside_m IS NOT NULL)", name=op.f("ck_cases_inside_or_outside")
        ),
        sa.CheckConstraint(
            "worker_id IS NOT NULL OR desk_code IS NOT NULL", name=op.f("ck_cases_somebody_holds_it")
        ),
        sa.ForeignKeyConstraint(["cell_code"], ["cells.code"], name=op.f("fk_cases_cell_code")),
        sa.ForeignKeyConstraint(["community_code"], ["areas.code"], name=op.f("fk_cases_community_code")),
        sa.ForeignKeyConstraint(["desk_code"], ["areas.code"], name=op.f("fk_cases_desk_code")),
        sa.ForeignKeyConstraint(["facility_id"], ["facilities.id"], name=op.f("fk_cases_facility_id")),
        sa.ForeignKeyConstraint(
            ["nearest_cell_code"], ["cells.code"], name=op.f("fk_cases_nearest_cell_code")
        ),
        sa.ForeignKeyConstraint(["reported_by"], ["people.id"], name=op.f("fk_cases_reported_by")),
        sa.ForeignKeyConstraint(["type_code"], ["case_types.code"], name=op.f("fk_cases_type_code")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_cases_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("no", name=op.f("uq_cases_no")),
    )
    op.create_index("ix_cases_cell_code_received_at", "cases", ["cell_code", "received_at"], unique=False)
    op.create_index(
        "ix_cases_community_code_received_at", "cases", ["community_code", "received_at"], unique=False
    )
    op.create_geospatial_index(
        "ix_cases_geom", "cases", ["geom"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        "ix_cases_open_due",
        "cases",
        ["community_code", "due_at"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_cases_received_at", "cases", ["received_at", "id"], unique=False)
    op.create_index("ix_cases_worker_id_received_at", "cases", ["worker_id", "received_at"], unique=False)
    op.create_table(
        "case_photos",
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_photos_case_id")),
        sa.PrimaryKeyConstraint("case_id", "sha256", name=op.f("pk_case_photos")),
    )
    op.create_table(
        "case_steps",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("case_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=True),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("by_person", sa.BigInteger(), nullable=True),
        sa.Column("worker_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "step IN ('report', 'verify', 'verified', 'accept', 'answer', 'void', 'merge', 'file', 'dispatch', 'sign', 'return', 'extend', 'suspend', 'resume', 'feedback', 'rework', 'check', 'pass', 'call_back', 'satisfied', 'dissatisfied', 'order', 'hold_to_account', 'decide', 'reopen')",
            name=op.f("ck_case_steps_step"),
        ),
        sa.ForeignKeyConstraint(["by_person"], ["people.id"], name=op.f("fk_case_steps_by_person")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_steps_case_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_case_steps_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_steps")),
    )
    op.create_index("ix_case_steps_case_id_at", "case_steps", ["case_id", "at"], unique=False)


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_case_steps_case_id_at", table_name="case_steps")
    op.drop_table("case_steps")
    op.drop_table("case_photos")
    op.drop_index("ix_cases_worker_id_received_at", table_name="cases")
    op.drop_index("ix_cases_received_at", table_name="cases")
    op.drop_index("ix_cases_open_due", table_name="cases", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_geospatial_index("ix_cases_geom", table_name="cases", postgresql_using="gist", column_name="geom")
    op.drop_index("ix_cases_community_code_received_at", table_name="cases")
    op.drop_index("ix_cases_cell_code_received_at", table_name="cases")
    op.drop_geospatial_table("cases")
    op.drop_index("ix_facilities_type_code_geom", table_name="facilities", postgresql_using="gist")
    op.drop_geospatial_index(
        "ix_facilities_geom", table_name="facilities", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("facilities")
    op.drop_table("tokens")
    op.drop_index("ix_sessions_person_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("photos")
    op.drop_table("grants")
    op.drop_table("shifts")
    op.drop_index("ix_posts_worker_id", table_name="posts")
    op.drop_table("posts")
    op.drop_table("people")
    op.drop_geospatial_index(
        "ix_cell_versions_geom", table_name="cell_versions", postgresql_using="gist", column_name="geom"
    )
    op.drop_geospatial_table("cell_versions")
    op.drop_geospatial_index(
        "ix_workers_position", table_name="workers", postgresql_using="gist", column_name="position"
    )
    op.drop_index("ix_workers_home_code", table_name="workers")
    op.drop_geospatial_table("workers")
    op.drop_index("ix_cells_community_code", table_name="cells")
    op.drop_table("cells")
    op.drop_table("case_types")
    op.drop_table("rate_buckets")
    op.drop_table("grid_versions")
    op.drop_table("facility_types")
    op.drop_index("ix_events_xid_id", table_name="events")
    op.drop_table("events")
    op.drop_index("ix_areas_parent_code", table_name="areas")
    op.drop_index(
        "ix_areas_name_trgm",
        table_name="areas",
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.drop_geospatial_index("ix_areas_geom", table_name="areas", postgresql_using="gist", column_name="geom")
    op.drop_geospatial_table("areas")
