"""The CPU runner: a batch as tiles over torch tensors, attention through flash or grouped products, sampling."""
