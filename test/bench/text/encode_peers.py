"""Texts a second of sentence-transformers and ONNX Runtime, as one line of JSON.

Reads {folder, texts, threads} from standard input. Needs: sentence-transformers, onnx, onnxruntime.
"""

import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from sentence_transformers import SentenceTransformer

warnings.simplefilter("ignore")
given = json.load(sys.stdin)
texts = given["texts"]
torch.set_num_threads(given["threads"])
model = SentenceTransformer(given["folder"], device="cpu")
NAMES = ["input_ids", "attention_mask", "token_type_ids"]


class States(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model[0].auto_model.eval()
        self.model.config._attn_implementation = "eager"

    def forward(self, ids, mask, types):
        return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state


def exported():
    encoded = model.tokenizer(texts[:3], padding=True, return_tensors="pt")
    ids = encoded["input_ids"]
    axes = {name: {0: "texts", 1: "tokens"} for name in [*NAMES, "states"]}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        torch.onnx.export(
            States(), (ids, encoded["attention_mask"], torch.zeros_like(ids)), path,
            input_names=NAMES, output_names=["states"], dynamic_axes=axes, dynamo=False,
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = given["threads"]
        # Threads that wait in a loop take minutes if other programs run.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(path, options)


def by_torch(size):
    model.encode(texts, batch_size=size)


def by_onnx(session, size):
    order = sorted(texts, key=len)
    for start in range(0, len(order), size):
        encoded = model.tokenizer(order[start : start + size], padding=True, truncation=True, max_length=model.max_seq_length, return_tensors="np")
        ids, mask = encoded["input_ids"].astype(np.int64), encoded["attention_mask"].astype(np.int64)
        states = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
        sums = (states * mask[:, :, None]).sum(1)
        sums / np.linalg.norm(sums, axis=1, keepdims=True)


def speed(name, run):
    run()
    cpu, start = time.process_time(), time.perf_counter()
    run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"name": name, "textsPerSecond": len(texts) / seconds, "cpuMs": cpu / len(texts) * 1000}


speeds = [speed(f"sentence-transformers, batches of {size}", lambda: by_torch(size)) for size in (32, 64)]
session = exported()
speeds += [speed(f"ONNX Runtime, sorted batches of {size}", lambda: by_onnx(session, size)) for size in (16, 32)]
print(json.dumps(speeds))
