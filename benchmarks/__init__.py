"""What Citewise costs and how well it does, measured; ``python -m benchmarks`` writes README.md anew."""
