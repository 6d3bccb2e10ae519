"""What the owner of the database sees."""

import psycopg
import pytest

from dakora_server.core.storage.database import driver_url


@pytest.fixture
async def owner_rows(owner_url):
    """A function that asks the database past every wall."""
    async with await psycopg.AsyncConnection.connect(driver_url(owner_url), autocommit=True) as connection:

        async def ask(query, *parameters):
            return await (await connection.execute(query, parameters)).fetchall()

        yield ask
