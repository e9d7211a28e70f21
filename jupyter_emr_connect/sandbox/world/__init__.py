"""The in-memory state that the AWS front, the front doors and the supervisor share."""
