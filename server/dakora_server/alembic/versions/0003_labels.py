"""labels: pointers with a history, protected ones with requests"""

from alembic import op
import sqlalchemy as sa

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

# Moves and comments are written once.
_GRANTS = {
    'labels': 'SELECT, INSERT, UPDATE, DELETE',
    'label_moves': 'SELECT, INSERT',
    'protected_labels': 'SELECT, INSERT, UPDATE, DELETE',
    'label_requests': 'SELECT, INSERT, UPDATE',
    'label_comments': 'SELECT, INSERT',
}


def upgrade() -> None:
    op.add_column('prompts', sa.Column('label_revision', sa.Integer(), server_default=sa.text('0'), nullable=False))
    op.create_table('labels',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('prompt_id', sa.Text(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('moved_by', sa.Uuid(), nullable=False),
    sa.Column('moved_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['project_id', 'prompt_id', 'number'], ['versions.project_id', 'versions.prompt_id', 'versions.number'], name=op.f('fk_labels_versions'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'prompt_id', 'label', name=op.f('pk_labels'))
    )
    op.create_index('ix_labels_project_id_label', 'labels', ['project_id', 'label'], unique=False)
    op.create_table('label_moves',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('prompt_id', sa.Text(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('from_number', sa.Integer(), nullable=True),
    sa.Column('to_number', sa.Integer(), nullable=True),
    sa.Column('actor_kind', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=False),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("actor_kind IN ('user', 'key', 'system')", name=op.f('ck_label_moves_actor_kind')),
    sa.ForeignKeyConstraint(['project_id', 'prompt_id'], ['prompts.project_id', 'prompts.prompt_id'], name=op.f('fk_label_moves_prompts'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'id', name=op.f('pk_label_moves'))
    )
    op.create_index('ix_label_moves_project_id_prompt_id_label_id', 'label_moves', ['project_id', 'prompt_id', 'label', 'id'], unique=False)
    op.create_table('protected_labels',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('needs_approval', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name=op.f('fk_protected_labels_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'label', name=op.f('pk_protected_labels'))
    )
    op.create_table('label_requests',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('prompt_id', sa.Text(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('from_number', sa.Integer(), nullable=True),
    sa.Column('to_number', sa.Integer(), nullable=False),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('requested_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('open', 'approved', 'rejected', 'withdrawn')", name=op.f('ck_label_requests_status')),
    sa.ForeignKeyConstraint(['decided_by'], ['users.id'], name='fk_label_requests_users_decided_by'),
    sa.ForeignKeyConstraint(['project_id', 'prompt_id', 'to_number'], ['versions.project_id', 'versions.prompt_id', 'versions.number'], name=op.f('fk_label_requests_versions'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['requested_by'], ['users.id'], name=op.f('fk_label_requests_users')),
    sa.PrimaryKeyConstraint('project_id', 'id', name=op.f('pk_label_requests'))
    )
    op.create_index('ix_label_requests_project_id_status_created_at_id', 'label_requests', ['project_id', 'status', 'created_at', 'id'], unique=False)
    op.create_table('label_comments',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_label_comments_users')),
    sa.ForeignKeyConstraint(['project_id', 'request_id'], ['label_requests.project_id', 'label_requests.id'], name=op.f('fk_label_comments_label_requests'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'id', name=op.f('pk_label_comments'))
    )
    op.create_index('ix_label_comments_project_id_request_id_created_at', 'label_comments', ['project_id', 'request_id', 'created_at'], unique=False)
    for table, rights in _GRANTS.items():
        op.execute(f'GRANT {rights} ON {table} TO dakora_app')
        op.execute(f'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')
        own = 'project_id = dakora_project()'
        op.execute(f'CREATE POLICY tenant_all ON {table} FOR ALL USING ({own}) WITH CHECK ({own})')


def downgrade() -> None:
    op.drop_table('label_comments')
    op.drop_table('label_requests')
    op.drop_table('protected_labels')
    op.drop_table('label_moves')
    op.drop_table('labels')
    op.drop_column('prompts', 'label_revision')
