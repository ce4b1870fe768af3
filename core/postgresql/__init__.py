"""Django's database backend for PostgreSQL, which knows the database's own primary keys."""
