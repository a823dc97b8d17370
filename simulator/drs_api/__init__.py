"""The API of AWS Elastic Disaster Recovery: operations, their checks, and answers in the form of botocore's model."""
