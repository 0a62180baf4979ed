"""Learning rates of a model's parts."""

from thinc.api import Model, Optimizer


def finish_update(model: Model, optimizer: Optimizer, head_scale: float) -> None:
    """Update encoder and head with their gradients.

    head_scale: learning rate of the head, as a multiple of the encoder's.
    """
    encoder = model.get_ref("tok2vec")
    encoder.finish_update(optimizer)
    # Not by node.id: another process may have given the id of a head to a part of the encoder.
    inside = set(map(id, encoder.walk()))
    for node in model.walk():
        for name in node.param_names:
            if id(node) not in inside and node.has_grad(name):
                weights, gradient = node.get_param(name), node.get_grad(name)
                weights, _ = optimizer((node.id, name), weights, gradient, lr_scale=head_scale)
                node.set_param(name, weights)
