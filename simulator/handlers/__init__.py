"""Lambda handlers as deployed, in virtual time: what the wire tier and the client tier share."""
