"""What CUDA's libraries ask the allocator for, as functions of shapes and the card."""
