"""executions: one row a run, in months of what it is kept until, and their numbers by day"""

from alembic import op
import sqlalchemy as sa

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

_BUCKETS = 64
_OWN = 'project_id = dakora_project()'
# What a stranger to the months must not name: the function makes the month, of whatever moment, that it is given.
_MAKE_MONTH = """
CREATE FUNCTION dakora_execution_month(moment timestamptz) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', moment AT TIME ZONE 'UTC')::date;
    month text := 'until_' || to_char(first, 'YYYY_MM');
BEGIN
    IF moment IS NULL OR moment < now() - interval '1 month' OR moment > now() + interval '101 years' THEN
        RAISE EXCEPTION 'no executions are kept until then' USING ERRCODE = 'check_violation';
    END IF;
    IF to_regclass('executions_by_month.' || month) IS NULL THEN
        -- What attaching takes anyway. A lock on a table, so that what others have made meanwhile is seen.
        LOCK TABLE public.executions IN SHARE UPDATE EXCLUSIVE MODE;
        IF to_regclass('executions_by_month.' || month) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE executions_by_month.%I (LIKE public.executions INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
                month);
            EXECUTE format(
                'ALTER TABLE public.executions ATTACH PARTITION executions_by_month.%I FOR VALUES FROM (%L) TO (%L)',
                month, first::timestamp AT TIME ZONE 'UTC',
                (first + interval '1 month')::timestamp AT TIME ZONE 'UTC');
        END IF;
    END IF;
    RETURN month;
END $$
"""
# A month goes once every row in it is past its time. Whoever reads or writes waits a tenth of a second at most.
_DROP_MONTHS = """
CREATE FUNCTION dakora_drop_expired_executions() RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    month text;
    dropped text[] := '{}';
BEGIN
    FOR month IN
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'executions_by_month' AND c.relkind = 'r' AND c.relname ~ '^until_[0-9]{4}_[0-9]{2}$'
        AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month')::timestamp AT TIME ZONE 'UTC' < now()
        ORDER BY 1
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE executions_by_month.%I', month);
            dropped := dropped || month;
        EXCEPTION WHEN lock_not_available THEN
            RETURN dropped;
        END;
    END LOOP;
    RETURN dropped;
END $$
"""


def upgrade() -> None:
    op.execute(
        'CREATE TABLE executions ('
        ' project_id uuid NOT NULL, id uuid NOT NULL, kept_until timestamptz NOT NULL,'
        ' started_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), source text NOT NULL,'
        ' prompt_id text, version text, version_number integer, label text, provider text, model text,'
        ' status text NOT NULL, error_type text, error_message text, finish_reason text,'
        ' input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, cost_usd numeric,'
        ' latency_ms double precision, first_token_ms double precision,'
        ' user_ref text, session text, trace_id text, span_id text,'
        ' inputs json, messages json, output text, tool_calls json, metadata json, parts json,'
        ' CONSTRAINT pk_executions PRIMARY KEY (project_id, id, kept_until),'
        " CONSTRAINT ck_executions_status CHECK (status IN ('ok', 'error', 'timeout', 'cancelled', 'invalid')),"
        " CONSTRAINT ck_executions_source CHECK (source IN ('execute', 'client', 'otlp'))"
        ') PARTITION BY RANGE (kept_until)'
    )
    op.create_index('ix_executions_project_id_started_at_id', 'executions', ['project_id', 'started_at', 'id'])
    op.create_index(
        'ix_executions_project_id_prompt_id_started_at_id', 'executions',
        ['project_id', 'prompt_id', 'started_at', 'id'],
    )
    op.create_index(
        'ix_executions_project_id_user_ref', 'executions', ['project_id', 'user_ref'],
        postgresql_where=sa.text('user_ref IS NOT NULL'),
    )
    # The application may not even look in here: it reaches the months through `executions` and its wall.
    op.execute('CREATE SCHEMA executions_by_month')
    for function in (_MAKE_MONTH, _DROP_MONTHS):
        op.execute(function)
    for name in ('dakora_execution_month(timestamptz)', 'dakora_drop_expired_executions()'):
        op.execute(f'REVOKE ALL ON FUNCTION {name} FROM PUBLIC')
        op.execute(f'GRANT EXECUTE ON FUNCTION {name} TO dakora_app')
    op.create_table('execution_settings',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('keep', sa.Text(), nullable=False),
    sa.Column('retention_days', sa.Integer(), nullable=True),
    sa.Column('periods', sa.JSON(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("keep IN ('full', 'redacted', 'none')", name=op.f('ck_execution_settings_keep')),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_execution_settings_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', name=op.f('pk_execution_settings'))
    )
    op.create_table('stat_entries',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    *_dimensions(),
    sa.Column('bucket', sa.SmallInteger(), nullable=False),
    *_sums(),
    sa.PrimaryKeyConstraint('project_id', 'id', name=op.f('pk_stat_entries'))
    )
    op.create_table('stats_daily',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    *_dimensions(),
    *_sums(),
    *(sa.Column(f'l{number:02}', sa.Integer(), server_default=sa.text('0'), nullable=False) for number in range(_BUCKETS)),
    sa.PrimaryKeyConstraint(
        'project_id', 'day', 'prompt_id', 'version_number', 'label', 'provider', 'model', 'status',
        name=op.f('pk_stats_daily'),
    )
    )
    grants = {
        # Numbers stay as they were recorded; texts can be emptied.
        'executions': 'SELECT, INSERT, DELETE, UPDATE (error_message, user_ref, session, inputs, messages, output,'
        ' tool_calls, metadata)',
        'execution_settings': 'SELECT, INSERT, UPDATE',
        'stat_entries': 'SELECT, INSERT, DELETE',
        'stats_daily': 'SELECT, INSERT, UPDATE',
    }
    for table, rights in grants.items():
        op.execute(f'GRANT {rights} ON {table} TO dakora_app')
        op.execute(f'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')
        op.execute(f'CREATE POLICY tenant_all ON {table} FOR ALL USING ({_OWN}) WITH CHECK ({_OWN})')
    # Who lets old records go has to know who keeps them for a while only.
    op.execute('CREATE POLICY platform_sees ON execution_settings FOR SELECT USING (dakora_platform())')
    # Nothing is deleted before its time.
    op.execute(
        'CREATE POLICY expired_only ON executions AS RESTRICTIVE FOR DELETE USING (kept_until < now() OR started_at <'
        ' now() - make_interval(days => (SELECT s.retention_days FROM execution_settings s'
        ' WHERE s.project_id = executions.project_id)))'
    )


def _dimensions() -> list[sa.Column]:
    """Empty text and 0 stand for what is not known: a key cannot have NULL."""
    return [
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('prompt_id', sa.Text(), nullable=False),
        sa.Column('version_number', sa.Integer(), nullable=False),
        sa.Column('label', sa.Text(), nullable=False),
        sa.Column('provider', sa.Text(), nullable=False),
        sa.Column('model', sa.Text(), nullable=False),
        sa.Column('status', sa.Text(), nullable=False),
    ]


def _sums() -> list[sa.Column]:
    return [
        sa.Column('runs', sa.Integer(), nullable=False),
        sa.Column('input_tokens', sa.BigInteger(), nullable=False),
        sa.Column('output_tokens', sa.BigInteger(), nullable=False),
        sa.Column('cached_input_tokens', sa.BigInteger(), nullable=False),
        sa.Column('cost_usd', sa.Numeric(), nullable=False),
        sa.Column('unpriced', sa.Integer(), nullable=False),
    ]


def downgrade() -> None:
    op.execute('DROP FUNCTION dakora_drop_expired_executions()')
    op.execute('DROP FUNCTION dakora_execution_month(timestamptz)')
    op.drop_table('stats_daily')
    op.drop_table('stat_entries')
    op.drop_table('executions')
    op.drop_table('execution_settings')
    op.execute('DROP SCHEMA executions_by_month')
