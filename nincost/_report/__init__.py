"""What a report shows beyond a profile and a prediction, as plain values."""
