"""How the project's own tables came to be, step by step, as Alembic runs them."""
