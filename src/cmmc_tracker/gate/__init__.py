"""What every request passes: proxies, session, CSRF, headers, limits on bodies, errors into answers."""
