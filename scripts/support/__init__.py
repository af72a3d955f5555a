"""What tests and benchmarks both need: small checkpoints, vocabularies trained on the spot, verdicts on schemas."""
