"""
Risk: how unusual a sign-in is for its account, as a sum that a person can check.

    score = base + the points of each signal

`facts` is what a request shows, `profile` what the account is used to, `signals` the table
of what may differ between the two, `points` the numbers, `assess` the sum and the decision,
`notices` whether the owner hears of it. Nothing here reads a clock, a file or a network.
docs/risk.md has the measured figures.
"""
