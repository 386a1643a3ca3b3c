"""
Risk: how unusual a sign-in is for its account, as a sum that a person can check.

    score = base + the points of each signal

`facts` has what a request shows, and `profile` what the account is used to. `signals` is the
table of the differences that have points, and `remarks` that of those that are shown alone;
`devsess.risk_policy` has the numbers. `assess` makes the sum and the decision for a sign-in,
`refreshes` for a refresh, and `notices` decides whether the owner is notified. `places` knows
distances; `failures` and `velocity` are bounded counts of failed sign-ins; `simulation` replays
recorded sign-ins, and `sums` writes an assessment as a sum. Nothing here reads a clock, a file
or a network. docs/risk.md has the measured figures.
"""
