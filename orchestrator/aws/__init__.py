"""The ports over AWS: one adapter each, on boto3 clients that are handed in. Only this package knows boto3."""
