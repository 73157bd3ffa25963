"""Documents and renderings: values in, bytes or text out; no database, no web."""
