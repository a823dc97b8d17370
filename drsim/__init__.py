"""The front door: command line and public Python API."""
