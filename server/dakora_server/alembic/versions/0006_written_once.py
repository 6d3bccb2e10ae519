"""written once: what names a prompt, a label or a request stays, and only an archived prompt can be removed"""

from alembic import op
import sqlalchemy as sa

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

# What the application's role may no longer change. Versions, moves and comments it could never.
_FIXED = {
    'prompts': {'project_id', 'prompt_id', 'id_key', 'created_by', 'created_at'},
    'parts': {'project_id', 'part_id', 'id_key', 'created_by', 'created_at'},
    'labels': {'project_id', 'prompt_id', 'label'},
    'label_requests': {
        'project_id', 'id', 'prompt_id', 'label', 'from_number', 'to_number', 'message', 'requested_by', 'created_at',
    },
}


def upgrade() -> None:
    inspector = sa.inspect(op.get_bind())
    for table, fixed in _FIXED.items():
        free = [column['name'] for column in inspector.get_columns(table) if column['name'] not in fixed]
        op.execute(f'REVOKE UPDATE ON {table} FROM dakora_app')
        op.execute(f'GRANT UPDATE ({", ".join(free)}) ON {table} TO dakora_app')
    # A prompt takes its versions and their history along: one that is in use never goes by mistake.
    op.execute(
        'CREATE POLICY archived_only ON prompts AS RESTRICTIVE FOR DELETE USING (archived_at IS NOT NULL)'
    )


def downgrade() -> None:
    op.execute('DROP POLICY archived_only ON prompts')
    for table in _FIXED:
        op.execute(f'REVOKE UPDATE ON {table} FROM dakora_app')
        op.execute(f'GRANT UPDATE ON {table} TO dakora_app')
