"""How fast the service answers, over HTTP and MariaDB."""
