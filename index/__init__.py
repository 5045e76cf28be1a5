"""The batch indexer: from pictures to rows in the database."""
