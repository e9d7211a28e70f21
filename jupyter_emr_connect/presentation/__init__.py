"""Tables and texts that the terminal and the notebook share; nothing here prints."""
