"""How often the host would have to wait for a GPU, found out on the CPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Operations whose result, or the shape of it, the host has to know before it can go on.
ASKS = ("_local_scalar_dense", "nonzero", "is_nonzero", "_unique2", "masked_select", "equal")


class Questions(TorchDispatchMode):
    """Names the questions that are asked of some tensors, or of what is computed from them."""

    def __init__(self, *tensors):
        super().__init__()
        self.asked = []
        self.kept = []  # memory that is freed would come again as that of other tensors
        self.far = set()
        self._mark(tensors)

    def _mark(self, tensors):
        self.kept += tensors
        self.far |= {tensor.untyped_storage().data_ptr() for tensor in tensors}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)]
        name = operation.overloadpacket.__name__
        result = operation(*args, **kwargs)
        if any(x.untyped_storage().data_ptr() in self.far for x in given if x.numel()):
            by_mask = name.startswith("index") and any(x.dtype == torch.bool for x in given[1:])
            if name in ASKS or by_mask:
                self.asked.append(name)
            self._mark([x for x in tree_leaves(result) if isinstance(x, torch.Tensor)])
        return result
