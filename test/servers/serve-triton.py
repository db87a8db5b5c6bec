"""Serves a linear model of digits, and one with several outputs, with Triton Inference Server, which the package `nvidia-pytriton` brings.

    python serve-triton.py HTTP-PORT GRPC-PORT

Its weights are whole numbers, so that its logits of whole numbers are exact.
"""
import os
import sys
import sysconfig

# The program that Triton starts for the model must find the library of this Python, not that of another one.
os.environ["LD_LIBRARY_PATH"] = sysconfig.get_config_var("LIBDIR")

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

http, grpc = map(int, sys.argv[1:])
pixels, classes = np.indices((64, 10))
weights = ((7 * pixels + 3 * classes) % 11 - 5).astype(np.float32)


@batch
def digits(pixels):
    return {"logits": pixels @ weights}


@batch
def heads(pixels):
    logits = pixels @ weights
    return {"kind": logits[:, :3], "level": logits[:, 3:7], "marks": logits[:, 7:9] / 64}


with Triton(config=TritonConfig(http_port=http, grpc_port=grpc, allow_metrics=False)) as triton:
    triton.bind(
        model_name="digits",
        infer_func=digits,
        inputs=[Tensor(name="pixels", dtype=np.float32, shape=(64,))],
        outputs=[Tensor(name="logits", dtype=np.float32, shape=(10,))],
        config=ModelConfig(max_batch_size=32),
    )
    triton.bind(
        model_name="heads",
        infer_func=heads,
        inputs=[Tensor(name="pixels", dtype=np.float32, shape=(64,))],
        outputs=[Tensor(name=name, dtype=np.float32, shape=(size,)) for name, size in [("kind", 3), ("level", 4), ("marks", 2)]],
        config=ModelConfig(max_batch_size=32),
    )
    triton.serve()
