"""Pure mathematics of scores and ranks: numbers in, numbers out, no Django.

arrays        numbers checked at the door: what a missing or impossible one is called
errors        standard error of a mean; clustered; of sampled runs with several passes
intervals     Student's t, Wilson, Jeffreys, Beta-Binomial
normalise     scores between chance and perfect
aggregate     suite score, a reader's own weights, groups as lm-eval weighs them
paired        two models on the same items: differences and their errors, of a task and of a suite
mcnemar       right-or-wrong items: McNemar's test, Tango's interval
resampling    paired bootstrap (BCa), sign-flip permutation test
families      Holm's adjustment for many tests
verdict       better, worse, equivalent within a margin, undecided; alone or in a family
many          a page of verdicts at once, quick: McNemar's in one go, t instead of the bootstrap
repeats       what two runs of one model differ by on the same machine
ranks         ranks with intervals; narrowed by decided pairs; the neighbours worth a test
alternatives  percentile ranks, Borda count, mean win rate
power         items needed, smallest difference found, a suite's noise floor
difficulty    items: how hard, how telling; tasks: how saturated
cost          tokens on machines of one's own, by whole GPUs, and at an API;  break_even where the two meet
"""
