"""The embedded default: a small shop on a PostgreSQL that comes with the installation."""
