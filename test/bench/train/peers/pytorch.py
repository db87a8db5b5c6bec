"""PyTorch on the CPU, with the fastest of the settings that are tried before the first epoch."""

import itertools
import statistics
import sys
import time

import common
import torch
from torch import nn
from torch.nn import functional as F

torch.set_flush_denormal(True)


class Block(nn.Module):
    def __init__(self, filters_in, filters, stride):
        super().__init__()
        self.conv_1 = nn.Conv2d(filters_in, filters, 3, stride, 1, bias=False)
        self.bn_1 = nn.BatchNorm2d(filters)
        self.conv_2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn_2 = nn.BatchNorm2d(filters)
        self.stride = stride

    def forward(self, x):
        residue = self.bn_2(self.conv_2(F.relu(self.bn_1(self.conv_1(x)))))
        if self.stride == 2:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))
        return F.relu(residue + x)


class Resnet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
        pairs = itertools.pairwise(widths)
        self.blocks = nn.Sequential(*(Block(a, b, 1 if a == b else 2) for a, b in pairs))
        self.logits = nn.Linear(64, 10)

    def forward(self, x):
        return self.logits(self.blocks(F.relu(self.bn(self.conv(x)))).mean((2, 3)))


class Lenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_1 = nn.Conv2d(1, 20, 5)
        self.conv_2 = nn.Conv2d(20, 50, 5)
        self.dense = nn.Linear(800, 200)
        self.logits = nn.Linear(200, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv_1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv_2(x)), 2)
        # Flattened in TensorFlow's order, so that the same weights mean the same.
        return self.logits(F.relu(self.dense(x.permute(0, 2, 3, 1).flatten(1))))


def mlp():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


class Embedding(nn.Module):
    def __init__(self):
        super().__init__()
        # Dense gradients: sparse ones would make Adam leave rows as they are that it moves in all other peers.
        self.table = nn.EmbeddingBag(65_536, 64, mode="mean")
        self.logits = nn.Linear(64, 10)

    def forward(self, x):
        return self.logits(self.table(x))


MODELS = {"resnet-20": Resnet20, "lenet": Lenet, "mlp": mlp, "embedding": Embedding}


def with_initial_weights(model):
    for parameter, value in zip(model.parameters(), common.initial_weights(), strict=True):
        value = torch.from_numpy(value)
        if value.ndim == 4:
            value = value.permute(3, 2, 0, 1)
        elif value.ndim == 2 and value.shape[0] != 65_536:
            value = value.T
        parameter.data.copy_(value)
    return model


IMAGES = len(common.MODEL["inputShape"]) == 3
inputs = torch.from_numpy(common.INPUTS)
answers = torch.from_numpy(common.ANSWERS)
labels = torch.from_numpy(common.LABELS)
preprocessing = common.MODEL["preprocessing"]
T = common.MODEL["temperature"]


def make_step(channels_last, compiled):
    model = with_initial_weights(MODELS[common.NAME]()).train()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    if IMAGES:
        model = model.to(memory_format=layout)

    def objective(x, y, answer):
        if preprocessing:
            x = (x.float() * preprocessing["scale"] - preprocessing["mean"]) / preprocessing["deviation"]
        if IMAGES:
            x = x.permute(0, 3, 1, 2).contiguous(memory_format=layout)
        logits = model(x)
        teacher = F.log_softmax(answer / T, 1)
        soft = F.kl_div(F.log_softmax(logits / T, 1), teacher, reduction="batchmean", log_target=True) * T**2
        hard = F.cross_entropy(logits, y)
        return common.MODEL["softWeight"] * soft + common.MODEL["hardWeight"] * hard

    rate = common.MODEL["learningRate"]
    parameters = model.parameters()
    if common.MODEL["optimizer"] == "sgd":
        optimizer = torch.optim.SGD(parameters, rate, momentum=0.9, fused=True)
    else:
        optimizer = torch.optim.Adam(parameters, rate, fused=True)
    if compiled:
        objective = torch.compile(objective)

    def step(rows):
        rows = torch.from_numpy(rows)
        loss = objective(inputs[rows], labels[rows], answers[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def seconds_of(step):
    rows = torch.randperm(common.COUNT)[: common.BATCH].numpy()
    start = time.perf_counter()
    step(rows)
    return time.perf_counter() - start


def working_steps():
    """By settings, steps that have run once, and so are compiled."""
    steps = {}
    for channels_last, compiled in itertools.product([False, True] if IMAGES else [False], [False, True]):
        try:
            step = make_step(channels_last, compiled)
            seconds_of(step)
            steps[channels_last, compiled] = step
        except Exception as error:  # torch.compile needs a C++ compiler
            print(f"PyTorch, compiled {compiled}: {error}"[:300], file=sys.stderr)
    return steps


def fastest():
    """Each setting's median step, all tried in turns: one after the other, a busy moment would decide."""
    steps = working_steps()
    tries = {settings: [] for settings in steps}
    for _ in range(15):
        for settings, step in steps.items():
            tries[settings] += [seconds_of(step), seconds_of(step)]
    times = {settings: statistics.median(seconds) for settings, seconds in tries.items()}
    return min(times, key=times.get), times


(channels_last, compiled), times = fastest()
tried = {f"channels_last {a}, compiled {b}": round(1000 * each, 3) for (a, b), each in times.items()}
versions = {
    "pytorch": torch.__version__,
    "threads": torch.get_num_threads(),
    "channels_last": channels_last,
    "compiled": compiled,
    "tried": tried,
}
common.serve(versions, make_step(channels_last, compiled))
