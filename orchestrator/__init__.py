"""Watches AWS Elastic Disaster Recovery executions to their end: the finder, the poller, and what they decide."""
