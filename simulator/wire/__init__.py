"""The wire tier: Lambda handlers as deployed, on real boto3 and botocore, against moto, in virtual time."""
