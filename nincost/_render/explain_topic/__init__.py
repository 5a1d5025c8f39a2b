"""The answer to a question of readers: figures beside each other, then sentences."""
