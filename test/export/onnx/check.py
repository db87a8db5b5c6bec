"""Checks every model of a folder: by ONNX's own checker, and its test vectors by ONNX Runtime. Prints the greatest difference of each."""

import importlib
import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(folder))


def batches(document, name):
    """Each input alone and, if all have one shape, all together: the input, and the rows that it answers."""
    own = document["input"]
    rows = [numpy.array(vector[own["name"]], own["type"]) for vector in document["vectors"]]
    if "shape" in own:
        rows = [row.reshape(own["shape"]) for row in rows]
        yield numpy.stack(rows), range(len(rows))
    if "text" in document["vectors"][0]:
        module = importlib.import_module(name.replace("-", "_") + "_texts")
        texts = [vector["text"] for vector in document["vectors"]]
        yield numpy.array(module.read_texts(texts), own["type"]), range(len(rows))
    for index, row in enumerate(rows):
        yield row[None], [index]


def greatest_difference(path):
    document = json.loads(path.with_suffix(".test-vectors.json").read_text())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    greatest = 0
    for values, rows in batches(document, path.stem):
        outputs = session.run(names, {document["input"]["name"]: values})
        for name, output in zip(names, outputs):
            for row, given in zip(rows, output):
                expected = numpy.array(document["vectors"][row][name])
                scale = max(1, numpy.abs(expected).max())
                greatest = max(greatest, float(numpy.abs(given - expected).max() / scale))
    return greatest


found = {}
for path in sorted(folder.glob("*.onnx")):
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    found[path.stem] = {"difference": greatest_difference(path), "metadata": metadata}
print(json.dumps(found))
