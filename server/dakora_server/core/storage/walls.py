"""Whether PostgreSQL would really hold tenants apart: asked at start, refused with one sentence."""

from sqlalchemy import text

from dakora_server.core.storage.database import Database, Transaction


class UnsafeDatabase(Exception):
    """The database would not keep tenants apart; the message is one sentence that says what to do."""


_ROLE = text(
    "SELECT current_user AS name, r.rolsuper, r.rolbypassrls, s.rolsuper AS session_super,"
    " EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
    "   AND c.relkind IN ('r', 'p') AND pg_has_role(session_user, c.relowner, 'MEMBER')) AS owns"
    " FROM pg_roles r, pg_roles s WHERE r.rolname = current_user AND s.rolname = session_user"
)
_OPEN_TABLES = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'"
    " AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'"
    " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1"
)
_ADVICE = (
    "put a role of its own into DATABASE_URL and the owner's URL into DATABASE_OWNER_URL, "
    "then run `python -m dakora_server migrate`, which makes the role."
)


async def check_walls(database: Database) -> None:
    """Raises UnsafeDatabase unless row-level security holds for the role that we are, DatabaseUnavailable."""
    async with database.transaction(read_only=True) as tx:
        await _check_role(tx)
        open_tables = list((await tx.execute(_OPEN_TABLES)).scalars())
    if open_tables:
        raise UnsafeDatabase(
            f"Row-level security is off for {', '.join(open_tables)}: run `python -m dakora_server migrate`."
        )


async def _check_role(tx: Transaction) -> None:
    role = (await tx.execute(_ROLE)).one()
    if role.rolsuper or role.session_super:
        raise UnsafeDatabase(f"The role {role.name} of DATABASE_URL is a superuser, whom no wall stops: {_ADVICE}")
    if role.rolbypassrls:
        raise UnsafeDatabase(f"The role {role.name} of DATABASE_URL bypasses row-level security: {_ADVICE}")
    if role.owns:
        raise UnsafeDatabase(f"The role {role.name} of DATABASE_URL owns the tables it should only use: {_ADVICE}")
