"""finding prompts: by any part of their texts, by tag and by folder"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from dakora_server.core.prompts.finding import as_array, numbers_of

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

_BATCH = 1000


def upgrade() -> None:
    op.create_table('prompt_search',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id_key', sa.Text(), nullable=False),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('folder', sa.Text(), nullable=False),
    sa.Column('tags', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.ForeignKeyConstraint(['project_id', 'id_key'], ['prompts.project_id', 'prompts.id_key'], name=op.f('fk_prompt_search_prompts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'id_key', name=op.f('pk_prompt_search'))
    )
    op.create_table('prompt_numbers',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id_key', sa.Text(), nullable=False),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('numbers', postgresql.ARRAY(sa.Integer()), nullable=False),
    sa.ForeignKeyConstraint(['project_id', 'id_key'], ['prompts.project_id', 'prompts.id_key'], name=op.f('fk_prompt_numbers_prompts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'id_key', name=op.f('pk_prompt_numbers'))
    )
    _fill()
    op.create_index('ix_prompt_numbers_numbers', 'prompt_numbers', ['numbers'], unique=False, postgresql_using='gin')
    op.execute(
        'CREATE FUNCTION dakora_wanted() RETURNS integer[] LANGUAGE sql STABLE PARALLEL SAFE AS $$'
        " SELECT coalesce(nullif(current_setting('dakora.wanted', true), ''), '{}')::integer[] $$"
    )
    own = 'project_id = dakora_project()'
    # The question is part of the policy: behind a policy, PostgreSQL looks nothing up in an index that a query asks
    # for with an operator that might tell of rows not to be seen, and `@>` counts as one.
    seen = {'prompt_search': own, 'prompt_numbers': f'{own} AND numbers @> dakora_wanted()'}
    for table, using in seen.items():
        op.execute(f'GRANT SELECT, INSERT, UPDATE ON {table} TO dakora_app')
        op.execute(f'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')
        op.execute(f'CREATE POLICY tenant_all ON {table} FOR ALL USING ({using}) WITH CHECK ({own})')


def _fill() -> None:
    """Enter what is there. The owner sees every row only while the walls do not stop it."""
    for table in ('prompts', 'versions'):
        op.execute(f'ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY')
    connection = op.get_bind()
    found = connection.execute(sa.text(
        'SELECT p.project_id, p.id_key, p.folder, v.description, v.tags FROM prompts p JOIN versions v'
        ' ON v.project_id = p.project_id AND v.prompt_id = p.prompt_id AND v.number = p.head_number'
    ))
    search = sa.text('INSERT INTO prompt_search VALUES (:project_id, :id_key, :words, :folder, :tags)')
    numbers = sa.text('INSERT INTO prompt_numbers VALUES (:project_id, :id_key, :words, cast(:numbers AS integer[]))')
    for rows in found.partitions(_BATCH):
        entries = [_entry(row) for row in rows]
        connection.execute(search, entries)
        connection.execute(numbers, entries)
    for table in ('prompts', 'versions'):
        op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')


def _entry(row: sa.Row) -> dict[str, object]:
    words = row.description.lower()
    return {
        'project_id': row.project_id,
        'id_key': row.id_key,
        'words': words,
        'folder': row.folder,
        'tags': list(row.tags),
        'numbers': as_array(numbers_of(row.project_id, row.id_key, words, tags=row.tags, folder=row.folder)),
    }


def downgrade() -> None:
    op.drop_table('prompt_numbers')
    op.drop_table('prompt_search')
    op.execute('DROP FUNCTION dakora_wanted()')
