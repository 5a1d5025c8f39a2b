"""What kernels would have computed: followed where the host knows it, else assumed, and counted."""
