"""The wire tier: handlers, clients and template as deployed, answered by simulated services."""
