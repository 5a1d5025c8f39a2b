"""Numbers in sentences, each graded by itself: no terms of one sum."""
