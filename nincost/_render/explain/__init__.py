"""The working of each number, a paragraph a layer, in English or Chinese."""
