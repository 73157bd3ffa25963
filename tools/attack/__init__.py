"""`make attack`: known scanners against a production installation behind TLS, all of it on the loopback."""
