"""Programs as people write them: the kinds of SGLang's examples, benchmarks and tests, and of agent frameworks."""
