"""The store and backups in a bucket of an object store on the loopback."""
