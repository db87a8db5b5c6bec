"""What the peers in Python share: reading what all peers start with, and answering the bench."""

import json
import math
import pathlib
import sys
import time

import numpy as np

NAME = sys.argv[1]
FOLDER = pathlib.Path(sys.argv[2])
MODEL = json.loads((FOLDER / "model.json").read_text())
BATCH = MODEL["batch"]
STEPS = MODEL["steps"]
COUNT = BATCH * STEPS


def read(name, dtype, shape):
    return np.fromfile(FOLDER / f"{name}.bin", dtype).reshape(shape)


INPUTS = read("inputs", MODEL["dtype"], [COUNT, *MODEL["inputShape"]])
ANSWERS = read("answers", "float32", [COUNT, -1])
LABELS = ANSWERS.argmax(1)


def initial_weights():
    """Shapes as in TensorFlow, in the order of the layers."""
    flat = read("weights", "float32", [-1])
    start = 0
    for shape in MODEL["weights"]:
        end = start + math.prod(shape)
        yield flat[start:end].reshape(shape)
        start = end


def orders():
    """The first epoch's order is that of all peers."""
    yield read("order", "int32", [-1]).astype("int64")
    random = np.random.default_rng(1)
    while True:
        yield random.permutation(COUNT)


def serve(versions, step):
    """Runs an epoch for each line on stdin. `step` takes the rows of a batch and returns the loss as a float."""
    epochs = orders()
    print(json.dumps({"versions": versions}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        order = next(epochs)
        loss = sum(step(order[at : at + BATCH]) for at in range(0, COUNT, BATCH)) / STEPS
        seconds = time.perf_counter() - start
        print(json.dumps({"msPerStep": 1000 * seconds / STEPS, "loss": loss}), flush=True)
