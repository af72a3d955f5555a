"""Programs as people write them, of the kinds that SGLang's examples, benchmarks and tests have, and agent frameworks."""
