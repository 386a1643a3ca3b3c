"""
How many owners risk challenges, and how many attackers it catches, in a made-up population.

`internet` and `people` make it up, `attackers` adds those who try to sign in as somebody else,
`scenes` puts both in order. `replay` lets a policy assess them, `baselines` other methods do.
`tally` counts, `study` measures the figures, `page` draws docs/risk.md from them.
"""
