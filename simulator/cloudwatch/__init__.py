"""CloudWatch as a run leaves it: metrics minute by minute, and the deployed alarms and dashboard over them."""
