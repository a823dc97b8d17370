"""The front door: the command line (`drsim.cli`) and the public Python API (`drsim.api`)."""
