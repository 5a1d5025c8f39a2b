"""Training on Fashion-MNIST, reproducibly, measured beside what nincost predicts."""
