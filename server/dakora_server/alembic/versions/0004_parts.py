"""parts: reusable texts with versions, and which versions use which"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

# Versions, and what they use, are written once.
_GRANTS = {
    'parts': 'SELECT, INSERT, UPDATE',
    'part_versions': 'SELECT, INSERT',
    'prompt_uses': 'SELECT, INSERT',
    'part_uses': 'SELECT, INSERT',
}


def _uses(table: str, user: str, target: str) -> None:
    op.create_table(table,
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column(user, sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('part_id', sa.Text(), nullable=False),
    sa.Column('part_number', sa.Integer(), nullable=False),
    sa.Column('direct', sa.Boolean(), nullable=False),
    sa.Column('floating', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['project_id', user, 'number'], [f'{target}.project_id', f'{target}.{"prompt_id" if user == "prompt_id" else "part_id"}', f'{target}.number'], name=op.f(f'fk_{table}_{target}'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', user, 'number', 'part_id', 'part_number', name=op.f(f'pk_{table}'))
    )
    op.create_index(f'ix_{table}_project_id_part_id', table, ['project_id', 'part_id'], unique=False)


def upgrade() -> None:
    op.add_column('versions', sa.Column('includes', postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_table('parts',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Text(), nullable=False),
    sa.Column('id_key', sa.Text(), nullable=False),
    sa.Column('head_number', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('head_number >= 1', name=op.f('ck_parts_head_number')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_parts_users')),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_parts_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'part_id', name=op.f('pk_parts'))
    )
    op.create_index('uq_parts_project_id_id_key', 'parts', ['project_id', 'id_key'], unique=True)
    op.create_table('part_versions',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('part_id', sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('semver', sa.Text(), nullable=False),
    sa.Column('content_hash', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('tags', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('variables', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('includes', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('number >= 1', name=op.f('ck_part_versions_number')),
    sa.CheckConstraint("content_hash ~ '^[0-9a-f]{64}$'", name=op.f('ck_part_versions_content_hash')),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_part_versions_users')),
    sa.ForeignKeyConstraint(['project_id', 'part_id'], ['parts.project_id', 'parts.part_id'], name=op.f('fk_part_versions_parts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'part_id', 'number', name=op.f('pk_part_versions'))
    )
    op.create_index('uq_part_versions_project_id_part_id_semver', 'part_versions', ['project_id', 'part_id', 'semver'], unique=True)
    op.create_index('ix_part_versions_project_id_content_hash', 'part_versions', ['project_id', 'content_hash'], unique=False)
    _uses('prompt_uses', 'prompt_id', 'versions')
    _uses('part_uses', 'includer_id', 'part_versions')
    for table, rights in _GRANTS.items():
        op.execute(f'GRANT {rights} ON {table} TO dakora_app')
        op.execute(f'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')
        own = 'project_id = dakora_project()'
        op.execute(f'CREATE POLICY tenant_all ON {table} FOR ALL USING ({own}) WITH CHECK ({own})')


def downgrade() -> None:
    op.drop_table('part_uses')
    op.drop_table('prompt_uses')
    op.drop_table('part_versions')
    op.drop_table('parts')
    op.drop_column('versions', 'includes')
