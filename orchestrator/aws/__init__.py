"""Adapters of the ports to AWS, one for each, on given boto3 clients. Only this package knows boto3."""
