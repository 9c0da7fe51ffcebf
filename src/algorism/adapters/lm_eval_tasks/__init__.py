"""A folder of tasks for lm-eval: `lm-eval run --include_path "$(algorism lm-eval-path)" --tasks algorism_addition`."""
