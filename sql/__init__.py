"""The database: tables, queries and connections for MariaDB and SQLite."""
