"""Django's database backend for PostgreSQL, told what the primary keys in the database are."""
