"""The console: serves the web application that is built from `web/`."""
