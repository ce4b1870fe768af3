"""Local stack: PostgreSQL and Valkey from wheels, and the processes of Parley, supervised."""
