"""How fast the batch indexer is: a run over copies of some photos, beside a bare loop over the same bytes."""
