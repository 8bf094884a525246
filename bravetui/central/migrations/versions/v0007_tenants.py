"""Row security: whatever is asked, a transaction for one organization touches no other's rows (`central.tenants`). And the
log of who was let in.

The settings that the policies read are those of the transaction. The operator's holds for the tables' owner alone; the first
three functions tell a request the little that it has to know before anybody knows whose it is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RECORDS = (
    "app_user", "compliance_rule", "conflict", "corrective_action", "crew", "crew_assignment", "daily_log", "delivery",
    "form_template", "inspection", "inspector_visit", "organization", "photo", "project", "project_member", "safety_alert",
    "signature", "submission", "usage_day", "violation", "weather_event", "weather_forecast",
)  # fmt: skip

_ORGANIZATION = "current_setting('bravetui.organization', true)"
_KEY = "current_setting('bravetui.key', true)"
_OWN = f"organization_id = {_ORGANIZATION}"


def _by_scope(table: str) -> str:
    return f"EXISTS (SELECT FROM scope WHERE scope.scope_id = {table}.scope_id AND scope.organization_id = {_ORGANIZATION})"


def _by_device(table: str, columns: str) -> str:
    return f"EXISTS (SELECT FROM device WHERE device.number IN ({columns}) AND device.organization_id = {_ORGANIZATION})"


_POLICIES = {
    **{table: _by_scope(table) for table in (*_RECORDS, "ledger", "parked_change", "scope_head")},
    "scope": _OWN,
    "refused_change": _OWN,
    "device": _OWN,
    "enrolment_code": _OWN,
    "key_grant": f"public_key = {_KEY}",
    "audit_event": _OWN,
    "twin": _by_device("twin", "twin.device"),
    "unlock": _by_device("unlock", "unlock.device"),
    "kept_bundle": _by_device("kept_bundle", "kept_bundle.device, kept_bundle.carried_by"),
}

_SEEN_BEFORE = {
    "device": f"public_key = {_KEY}",
    "enrolment_code": "code_hash = current_setting('bravetui.code', true)",
}
"""What a request may look at, and lock, before it is known whose it is."""

_FUNCTIONS = (
    """
    CREATE FUNCTION central_number_is_used(wanted bigint) RETURNS boolean {how}
        SELECT EXISTS (SELECT FROM device WHERE device.number = wanted)
            OR EXISTS (SELECT FROM ledger WHERE ledger.device = wanted)
    $$""",
    """
    CREATE FUNCTION central_key_of(wanted bigint) RETURNS text {how}
        SELECT device.public_key FROM device WHERE device.number = wanted
    $$""",
    """
    CREATE FUNCTION central_chains(scopes text[], seqs bigint[]) RETURNS TABLE (scope_id text, chain text) {how}
        SELECT ledger.scope_id, ledger.chain FROM ledger
        JOIN unnest(scopes, seqs) AS named (scope_id, seq) ON named.scope_id = ledger.scope_id AND named.seq = ledger.seq
    $$""",
    """
    CREATE FUNCTION central_organizations_of(person text) RETURNS TABLE (organization_id text) {how}
        SELECT app_user.scope_id FROM app_user WHERE app_user.id = person AND NOT app_user.deleted ORDER BY 1 LIMIT 100
    $$""",
    """
    CREATE FUNCTION central_waiting() RETURNS TABLE (parked bigint, refused bigint) {how}
        SELECT (SELECT count(*) FROM parked_change),
            (SELECT count(*) FROM refused_change WHERE refused_change.settled_at IS NULL)
    $$""",
    """
    CREATE FUNCTION central_forget_audit() RETURNS void {how}
        DELETE FROM audit_event WHERE at < now() - interval '400 days'
    $$""",
)
_HOW = """LANGUAGE sql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
        SELECT set_config('bravetui.operator', 'on', true);"""
"""A caller's temporary tables come last, or they would pass for central's. Bound to the function, the setting would take a
superuser; left behind, it means nothing to who is not the owner."""


def _or_before(table: str) -> str:
    return f" OR {_SEEN_BEFORE[table]}" if table in _SEEN_BEFORE else ""


def _or_strangers(table: str) -> str:
    """What nobody's organization is known of may be noted, and not read by anybody but the operator."""
    return " OR organization_id IS NULL" if table == "audit_event" else ""


def _make_log() -> None:
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(start=1), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organization_id", sa.String(36), nullable=True),
        sa.Column("user_id", sa.String(64), nullable=True),
        sa.Column("device", sa.BigInteger(), nullable=True),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    op.create_index("ix_audit_event_device", "audit_event", ["device", "at"])
    op.create_index("ix_audit_event_at", "audit_event", ["at"])


def upgrade() -> None:
    """Policies on every table that holds somebody's rows, forced on its owner too."""
    _make_log()
    connection = op.get_bind()
    for table, holds in _POLICIES.items():
        owner = f"(SELECT relowner FROM pg_class WHERE oid = '{table}'::regclass)"
        operator = f"current_setting('bravetui.operator', true) = 'on' AND pg_has_role(current_user, {owner}, 'USAGE')"
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant ON {table} USING ({holds}{_or_before(table)}) WITH CHECK ({holds}{_or_strangers(table)})",
            f"CREATE POLICY operator ON {table} USING ({operator}) WITH CHECK ({operator})",
        ):
            connection.exec_driver_sql(statement)
    schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
    for function in _FUNCTIONS:
        connection.exec_driver_sql(function.replace("{how}", _HOW.replace("{schema}", schema)))
        name = function.split("(")[0].split()[-1]
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")


def downgrade() -> None:
    """Organizations are not put together again."""
    raise NotImplementedError("Row security is not taken back: restore a backup instead.")
