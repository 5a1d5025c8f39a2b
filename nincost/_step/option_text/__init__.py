"""Options of a step that are small languages of their own, read from their text."""
