"""The service: what the world asks over HTTP."""
