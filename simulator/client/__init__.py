"""The client tier: Lambda handlers as deployed on real boto3, whose calls are answered at the client's boundary."""
