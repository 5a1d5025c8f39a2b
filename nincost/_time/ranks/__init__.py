"""Steps on several ranks: what they send each other, when, and how long that takes."""
