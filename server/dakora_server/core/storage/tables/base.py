"""What all tables stand on."""

from typing import Any

from sqlalchemy import Column, DateTime, MetaData, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def created_at() -> Column[object]:
    """When the row was written."""
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"))


class TransactionNumber(UserDefinedType[Any]):
    """PostgreSQL's xid8: which transaction wrote a row."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "xid8"


# So that a schema read from the database has it too, where a test compares the two.
ischema_names["xid8"] = TransactionNumber
