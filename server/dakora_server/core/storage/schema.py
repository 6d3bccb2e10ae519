"""Which schema this release expects, known without loading the migration machinery.

Alembic takes a third of a second to import; a server whose database is up to date never needs it.
"""

SCHEMA_REVISION = "0008"
# The role that the migrations give the application's rights to; it is made with the tables.
APP_ROLE = "dakora_app"
