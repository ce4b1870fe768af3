"""The stack that runs anywhere: real PostgreSQL and Valkey from wheels, and the processes of Parley."""
