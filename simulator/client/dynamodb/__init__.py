"""DynamoDB at the API's level: items, expressions and operations."""
