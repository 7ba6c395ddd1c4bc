"""What Citewise costs and how well it does, measured; ``python -m benchmarks`` writes README.md anew."""

import rag  # noqa: F401  # before onnxruntime, which it keeps from reporting
