"""Speed, memory and distillation-quality benchmarks with JSON output."""
