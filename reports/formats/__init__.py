"""A run in the formats of other tools: JUnit XML, CTRF, CSV and Chrome's trace events."""
