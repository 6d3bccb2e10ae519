"""many tenants: keys, invitations, audit, row-level security"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

# What the application's role may do with each table. It owns none of them; what is missing here it cannot do:
# versions, audit events and seals are written once.
_GRANTS = {
    'users': 'SELECT, INSERT, UPDATE',
    'workspaces': 'SELECT, INSERT, UPDATE',
    'memberships': 'SELECT, INSERT, UPDATE, DELETE',
    'projects': 'SELECT, INSERT, UPDATE',
    'prompts': 'SELECT, INSERT, UPDATE, DELETE',
    'versions': 'SELECT, INSERT',
    'api_keys': 'SELECT, INSERT, UPDATE',
    'invitations': 'SELECT, INSERT, UPDATE',
    'audit_events': 'SELECT, INSERT',
    'audit_seals': 'SELECT, INSERT',
    'changes': 'SELECT, INSERT, DELETE',
    'idempotency_keys': 'SELECT, INSERT, DELETE',
    'webhook_events': 'SELECT, INSERT, DELETE',
    'alembic_version': 'SELECT',
}

# Whom the transaction speaks for. SQL functions of one expression are inlined, so an index can serve a policy.
_FUNCTIONS = {
    'dakora_user': ('uuid', "nullif(current_setting('dakora.user_id', true), '')::uuid"),
    'dakora_workspace': ('uuid', "nullif(current_setting('dakora.workspace_id', true), '')::uuid"),
    'dakora_project': ('uuid', "nullif(current_setting('dakora.project_id', true), '')::uuid"),
    'dakora_platform': ('boolean', "coalesce(current_setting('dakora.platform', true), '') = 'on'"),
}

_MINE = 'SELECT m.workspace_id FROM memberships m WHERE m.user_id = dakora_user()'
_HERE = 'SELECT m.user_id FROM memberships m WHERE m.workspace_id = dakora_workspace()'
_IN_PROJECT = 'project_id = dakora_project()'
_IN_WORKSPACE = 'workspace_id = dakora_workspace()'
_EVENT = 'project_id = dakora_project() OR workspace_id = dakora_workspace()'
_WORKSPACE_OF_PROJECT = 'SELECT p.workspace_id FROM projects p WHERE p.id = dakora_project()'
_NEW_EVENT = (
    f'({_IN_WORKSPACE} OR (dakora_workspace() IS NULL AND workspace_id = ({_WORKSPACE_OF_PROJECT})))'
    ' AND (project_id IS NULL OR project_id = dakora_project() OR EXISTS (SELECT FROM projects p'
    ' WHERE p.id = audit_events.project_id AND p.workspace_id = audit_events.workspace_id))'
)
_OWN = 'tenant_id IN (dakora_project(), dakora_workspace(), dakora_user())'

# Table, command, which rows can be seen, which rows may be written (None: the command does not ask).
_POLICIES = (
    ('users', 'SELECT', f'id = dakora_user() OR id IN ({_HERE})', None),
    ('users', 'INSERT', None, 'id = dakora_user()'),
    ('users', 'UPDATE', 'id = dakora_user()', 'id = dakora_user()'),
    ('workspaces', 'SELECT', f'id = dakora_workspace() OR id IN ({_MINE}) OR dakora_platform()', None),
    ('workspaces', 'INSERT', None, 'id = dakora_workspace()'),
    ('workspaces', 'UPDATE', 'id = dakora_workspace()', 'id = dakora_workspace()'),
    ('memberships', 'SELECT', f'{_IN_WORKSPACE} OR user_id = dakora_user()', None),
    ('memberships', 'INSERT', None, _IN_WORKSPACE),
    ('memberships', 'UPDATE', _IN_WORKSPACE, _IN_WORKSPACE),
    ('memberships', 'DELETE', _IN_WORKSPACE, None),
    (
        'projects',
        'SELECT',
        f'id = dakora_project() OR {_IN_WORKSPACE} OR workspace_id IN ({_MINE}) OR dakora_platform()',
        None,
    ),
    ('projects', 'INSERT', None, _IN_WORKSPACE),
    ('projects', 'UPDATE', _IN_WORKSPACE, _IN_WORKSPACE),
    ('prompts', 'ALL', _IN_PROJECT, _IN_PROJECT),
    ('versions', 'ALL', _IN_PROJECT, _IN_PROJECT),
    ('api_keys', 'ALL', _EVENT, _EVENT),
    ('invitations', 'ALL', _IN_WORKSPACE, _IN_WORKSPACE),
    ('audit_events', 'SELECT', f'{_EVENT} OR dakora_platform()', None),
    ('audit_events', 'INSERT', None, _NEW_EVENT),
    ('audit_seals', 'ALL', 'dakora_platform()', 'dakora_platform()'),
    # Anyone may say that something has changed: at worst something is read again.
    ('changes', 'INSERT', None, 'true'),
    ('changes', 'SELECT', 'dakora_platform()', None),
    ('changes', 'DELETE', 'dakora_platform()', None),
    ('idempotency_keys', 'SELECT', f'{_OWN} OR dakora_platform()', None),
    ('idempotency_keys', 'INSERT', None, _OWN),
    ('idempotency_keys', 'DELETE', 'dakora_platform()', None),
    ('webhook_events', 'SELECT', 'user_id = dakora_user() OR dakora_platform()', None),
    ('webhook_events', 'INSERT', None, 'user_id = dakora_user()'),
    ('webhook_events', 'DELETE', 'dakora_platform()', None),
)


class _Xid8(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return 'xid8'


def upgrade() -> None:
    op.create_unique_constraint(op.f('uq_projects_workspace_id_id'), 'projects', ['workspace_id', 'id'])
    op.create_table('audit_events',
    sa.Column('workspace_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('project_id', sa.Uuid(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_kind', sa.Text(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('before', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('after', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.CheckConstraint("actor_kind IN ('user', 'key', 'system')", name=op.f('ck_audit_events_actor_kind')),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_audit_events'))
    )
    op.create_index('ix_audit_events_at', 'audit_events', ['at'], unique=False)
    op.create_index('ix_audit_events_project_id_at_id', 'audit_events', ['project_id', 'at', 'id'], unique=False)
    op.create_index('ix_audit_events_workspace_id_at_id', 'audit_events', ['workspace_id', 'at', 'id'], unique=False)
    op.create_table('audit_seals',
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_audit_seals')),
    sa.UniqueConstraint('event_id', name=op.f('uq_audit_seals_event_id'))
    )
    op.create_table('changes',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('xid', _Xid8(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.Column('scope_id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_changes'))
    )
    op.create_index('ix_changes_at', 'changes', ['at'], unique=False)
    op.create_index('ix_changes_xid', 'changes', ['xid'], unique=False)
    op.create_table('idempotency_keys',
    sa.Column('tenant_id', sa.Uuid(), nullable=False),
    sa.Column('caller_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.LargeBinary(), nullable=False),
    sa.Column('answer', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('tenant_id', 'caller_id', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_index('ix_idempotency_keys_created_at', 'idempotency_keys', ['created_at'], unique=False)
    op.create_table('webhook_events',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'id', name=op.f('pk_webhook_events'))
    )
    op.create_index('ix_webhook_events_received_at', 'webhook_events', ['received_at'], unique=False)
    op.create_table('invitations',
    sa.Column('workspace_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('mac', sa.LargeBinary(), nullable=False),
    sa.Column('invited_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivery', sa.Text(), nullable=False),
    sa.Column('accepted_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("delivery IN ('link', 'sending', 'sent', 'failed')", name=op.f('ck_invitations_delivery')),
    sa.CheckConstraint("role IN ('owner', 'admin', 'editor', 'viewer')", name=op.f('ck_invitations_role')),
    sa.ForeignKeyConstraint(['accepted_by'], ['users.id'], name='fk_invitations_users_accepted_by'),
    sa.ForeignKeyConstraint(['invited_by'], ['users.id'], name=op.f('fk_invitations_users')),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_invitations_workspaces'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_invitations'))
    )
    op.create_index('uq_invitations_workspace_id_mac', 'invitations', ['workspace_id', 'mac'], unique=True)
    op.create_table('api_keys',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('workspace_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('mac', sa.LargeBinary(), nullable=False),
    sa.Column('hint', sa.Text(), nullable=False),
    sa.Column('scopes', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('labels', postgresql.ARRAY(sa.Text()), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('replaced_by', sa.Uuid(), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_api_keys_users')),
    sa.ForeignKeyConstraint(['workspace_id', 'project_id'], ['projects.workspace_id', 'projects.id'], name=op.f('fk_api_keys_projects'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'id', name=op.f('pk_api_keys'))
    )
    op.create_index('ix_api_keys_workspace_id_created_by', 'api_keys', ['workspace_id', 'created_by'], unique=False)
    op.create_index('uq_api_keys_project_id_mac', 'api_keys', ['project_id', 'mac'], unique=True)
    op.add_column('projects', sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('users', sa.Column('issuer', sa.Text(), nullable=True))
    op.add_column('users', sa.Column('subject', sa.Text(), nullable=True))
    op.add_column('users', sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('users', sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint(op.f('uq_users_issuer_subject'), 'users', ['issuer', 'subject'])
    op.add_column('workspaces', sa.Column('personal', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('workspaces', sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True))
    op.drop_index('uq_projects_workspace_id_slug', table_name='projects')
    op.create_index(
        'uq_projects_workspace_id_slug', 'projects', ['workspace_id', 'slug'], unique=True,
        postgresql_where=sa.text('archived_at IS NULL'),
    )
    # The workspace of work without login is its user's alone.
    op.execute("UPDATE workspaces SET personal = true WHERE id = '00000000-0000-7000-8000-000000000002'")
    _build_the_wall()


def _build_the_wall() -> None:
    # Roles belong to the cluster: another database of it may have made this one already, or be making it now.
    op.execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dakora_app') THEN"
        " CREATE ROLE dakora_app NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE; END IF;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
    op.execute('GRANT USAGE ON SCHEMA public TO dakora_app')
    for name, (kind, expression) in _FUNCTIONS.items():
        op.execute(
            f'CREATE FUNCTION {name}() RETURNS {kind} LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT {expression} $$'
        )
    for table, rights in _GRANTS.items():
        op.execute(f'GRANT {rights} ON {table} TO dakora_app')
        if table != 'alembic_version':
            op.execute(f'ALTER TABLE {table} ENABLE ROW LEVEL SECURITY')
            op.execute(f'ALTER TABLE {table} FORCE ROW LEVEL SECURITY')
    for table, command, using, check in _POLICIES:
        clauses = (f' USING ({using})' if using else '') + (f' WITH CHECK ({check})' if check else '')
        op.execute(f'CREATE POLICY tenant_{command.lower()} ON {table} FOR {command}{clauses}')


def downgrade() -> None:
    for table, command, _, _ in _POLICIES:
        op.execute(f'DROP POLICY tenant_{command.lower()} ON {table}')
    for table in _GRANTS:
        op.execute(f'REVOKE ALL ON {table} FROM dakora_app')
        op.execute(f'ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY')
        op.execute(f'ALTER TABLE {table} DISABLE ROW LEVEL SECURITY')
    for name in _FUNCTIONS:
        op.execute(f'DROP FUNCTION {name}()')
    # The role stays: it may serve other databases of the cluster.
    op.execute('REVOKE USAGE ON SCHEMA public FROM dakora_app')
    op.drop_index('uq_projects_workspace_id_slug', table_name='projects')
    op.create_index('uq_projects_workspace_id_slug', 'projects', ['workspace_id', 'slug'], unique=True)
    op.drop_column('workspaces', 'archived_at')
    op.drop_column('workspaces', 'personal')
    op.drop_constraint(op.f('uq_users_issuer_subject'), 'users', type_='unique')
    op.drop_column('users', 'deleted_at')
    op.drop_column('users', 'heard_at')
    op.drop_column('users', 'subject')
    op.drop_column('users', 'issuer')
    op.drop_column('projects', 'archived_at')
    op.drop_index('uq_api_keys_project_id_mac', table_name='api_keys')
    op.drop_index('ix_api_keys_workspace_id_created_by', table_name='api_keys')
    op.drop_table('api_keys')
    op.drop_index('uq_invitations_workspace_id_mac', table_name='invitations')
    op.drop_table('invitations')
    op.drop_index('ix_webhook_events_received_at', table_name='webhook_events')
    op.drop_table('webhook_events')
    op.drop_index('ix_idempotency_keys_created_at', table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_index('ix_changes_xid', table_name='changes')
    op.drop_index('ix_changes_at', table_name='changes')
    op.drop_table('changes')
    op.drop_table('audit_seals')
    op.drop_index('ix_audit_events_workspace_id_at_id', table_name='audit_events')
    op.drop_index('ix_audit_events_project_id_at_id', table_name='audit_events')
    op.drop_index('ix_audit_events_at', table_name='audit_events')
    op.drop_table('audit_events')
    op.drop_constraint(op.f('uq_projects_workspace_id_id'), 'projects', type_='unique')
