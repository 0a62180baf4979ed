"""Adding up numbers that are given by their logarithms."""

from torch import Tensor


def log_one_plus(log_sums: Tensor, sum_of: Tensor, n_sums: int, per_start: bool) -> Tensor:
    """log(1 + sum), for the sums of start tokens, or these added up over each document.

    log_sums (b, s, c): of the spans of each start token.
    sum_of (b, s): the sum that they are in.
    n_sums: k, if they are of documents.
    per_start: each start token has a sum of its own.
    RETURNS (k, c): log(1 + sum).
    """
    log_sums = log_sums.flatten(0, 1)
    if per_start:
        return log_sums.logaddexp(log_sums.new_zeros(()))
    one = log_sums.new_zeros(n_sums, log_sums.shape[1])  # exp(0) = 1
    return add_to_log_sums(one, log_sums, sum_of.reshape(-1, 1).expand_as(log_sums))


def add_to_log_sums(log_sums: Tensor, values: Tensor, index: Tensor) -> Tensor:
    """log(exp(log_sums) + sum of exp(values) at index), without overflow for any value.

    log_sums (k, ...), values (n, ...), index (n, ...): values go to the sum that index names.
    RETURNS (k, ...): at least log_sums.
    """
    high = log_sums.scatter_reduce(0, index, values, "amax")
    sums = (log_sums - high).exp_().scatter_add_(0, index, (values - high.gather(0, index)).exp_())
    return high + sums.log_()
