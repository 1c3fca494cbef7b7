"""The best sparse convolution found in pure torch: gather, mm, index_add_, tap by tap. The training peer on a CPU."""

import torch


def tap_pairs(pairs, tap_offsets, halo, halo_offsets, taps):
    """Input and output rows of each tap, from a map of torch.ops.tev.kernel_map."""
    lists = torch.repeat_interleave(tap_offsets.diff())
    tile = torch.div(lists, taps, rounding_mode="floor")
    inputs = halo[halo_offsets[tile] + (pairs >> 7).long()].long()
    outputs = tile * 128 + (pairs & 127).long()
    return [(inputs[lists % taps == tap], outputs[lists % taps == tap]) for tap in range(taps)]


def convolve(x, weight, rows, num_outputs):
    out = x.new_zeros(num_outputs, weight.shape[2])
    for tap, (inputs, outputs) in enumerate(rows):
        out.index_add_(0, outputs, x.index_select(0, inputs) @ weight[tap])
    return out


class GatherMM(torch.autograd.Function):
    """With its own backward: autograd's would keep what was gathered of every tap."""

    @staticmethod
    def forward(context, x, weight, rows, num_outputs):
        context.save_for_backward(x, weight)
        context.rows = rows
        return convolve(x, weight, rows, num_outputs)

    @staticmethod
    def backward(context, grad):
        x, weight = context.saved_tensors
        grad_x, grad_weight = torch.zeros_like(x), torch.empty_like(weight)
        for tap, (inputs, outputs) in enumerate(context.rows):
            gathered = grad.index_select(0, outputs)
            torch.mm(x.index_select(0, inputs).t(), gathered, out=grad_weight[tap])
            grad_x.index_add_(0, inputs, gathered @ weight[tap].t())
        return grad_x, grad_weight, None, None
