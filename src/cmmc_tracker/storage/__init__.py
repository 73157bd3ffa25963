"""How things are remembered: the database and the artifact store."""
