"""providers of models with their keys sealed, and budgets; what waits to be counted as one row a batch"""

from alembic import op
import sqlalchemy as sa

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_OWN = 'project_id = dakora_project()'
# The keys of a workspace open what its projects have sealed: whoever works in one of them may use them.
_OWN_WORKSPACE = (
    'workspace_id = dakora_workspace() OR workspace_id = (SELECT p.workspace_id FROM projects p'
    ' WHERE p.id = dakora_project())'
)


_DIMENSIONS = 'day date, prompt_id text, version_number integer, label text, provider text, model text, status text'
_SUMS = (
    'runs integer, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, cost_usd numeric,'
    ' unpriced integer'
)


def _replace_entries(body: str, moved: str) -> None:
    """Another table for what waits to be counted, with what waits in it."""
    # The owner may be no superuser: forced, the wall would hide every row from it as well.
    op.execute('ALTER TABLE stat_entries NO FORCE ROW LEVEL SECURITY')
    op.execute('ALTER TABLE stat_entries RENAME TO stat_entries_before')
    op.execute('ALTER TABLE stat_entries_before RENAME CONSTRAINT pk_stat_entries TO pk_stat_entries_before')
    op.execute(
        f'CREATE TABLE stat_entries (project_id uuid NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY NOT NULL, {body},'
        ' CONSTRAINT pk_stat_entries PRIMARY KEY (project_id, id))'
    )
    op.execute(moved)
    op.execute('DROP TABLE stat_entries_before')
    op.execute('GRANT SELECT, INSERT, DELETE ON stat_entries TO dakora_app')
    op.execute('ALTER TABLE stat_entries ENABLE ROW LEVEL SECURITY')
    op.execute('ALTER TABLE stat_entries FORCE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY tenant_all ON stat_entries FOR ALL USING ({_OWN}) WITH CHECK ({_OWN})')


def upgrade() -> None:
    _replace_entries(
        'groups json NOT NULL',
        'INSERT INTO stat_entries (project_id, groups) SELECT b.project_id, json_agg(row_to_json(b))'
        ' FROM stat_entries_before b GROUP BY b.project_id',
    )
    op.create_table('workspace_keys',
    sa.Column('workspace_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('wrapped', sa.LargeBinary(), nullable=False),
    sa.Column('master_id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_workspace_keys_workspaces')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_workspace_keys'))
    )
    op.create_table('providers',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('base_url', sa.Text(), nullable=True),
    sa.Column('api_version', sa.Text(), nullable=True),
    sa.Column('models', sa.JSON(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=True),
    sa.Column('key_id', sa.Uuid(), nullable=True),
    sa.Column('hint', sa.Text(), nullable=True),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('(sealed IS NULL) = (key_id IS NULL)', name=op.f('ck_providers_sealed')),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_providers_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'name', name=op.f('pk_providers'))
    )
    op.create_table('budgets',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('limit_usd', sa.Numeric(), nullable=True),
    sa.Column('warn_percent', sa.Integer(), nullable=False),
    sa.Column('unpriced', sa.Text(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("unpriced IN ('allow', 'refuse')", name=op.f('ck_budgets_unpriced')),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_budgets_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', name=op.f('pk_budgets'))
    )
    op.create_table('budget_months',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('spent_usd', sa.Numeric(), server_default=sa.text('0'), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_budget_months_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'month', name=op.f('pk_budget_months'))
    )
    op.create_table('budget_holds',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('amount_usd', sa.Numeric(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(
        ['project_id', 'month'], ['budget_months.project_id', 'budget_months.month'],
        name=op.f('fk_budget_holds_budget_months'), ondelete='CASCADE',
    ),
    sa.PrimaryKeyConstraint('project_id', 'id', name=op.f('pk_budget_holds'))
    )
    grants = {
        'workspace_keys': ('SELECT, INSERT, DELETE, UPDATE (wrapped, master_id)', _OWN_WORKSPACE),
        'providers': ('SELECT, INSERT, UPDATE, DELETE', _OWN),
        'budgets': ('SELECT, INSERT, UPDATE', _OWN),
        'budget_months': ('SELECT, INSERT, UPDATE', _OWN),
        'budget_holds': ('SELECT, INSERT, DELETE', _OWN),
    }
    for table, (rights, own) in grants.items():
        op.execute(f'GRANT {rights} ON {table} TO dakora_app')
        op.execute(f'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')
        op.execute(f'CREATE POLICY tenant_all ON {table} FOR ALL USING ({own}) WITH CHECK ({own})')


def downgrade() -> None:
    for table in ('budget_holds', 'budget_months', 'budgets', 'providers', 'workspace_keys'):
        op.drop_table(table)
    names = 'day, prompt_id, version_number, label, provider, model, status, bucket, runs, input_tokens,'
    names += ' output_tokens, cached_input_tokens, cost_usd, unpriced'
    columns = f'{_DIMENSIONS}, bucket smallint, {_SUMS}'
    _replace_entries(
        ', '.join(f'{column} NOT NULL' for column in columns.split(', ')),
        f'INSERT INTO stat_entries (project_id, {names}) SELECT b.project_id, {names} FROM stat_entries_before b,'
        f' json_to_recordset(b.groups) AS g({columns})',
    )
