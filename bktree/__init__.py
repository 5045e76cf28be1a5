"""Exact Hamming search in memory: arrays in, page ids and distances out."""
