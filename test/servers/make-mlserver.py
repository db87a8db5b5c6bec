"""Makes a folder of models for MLServer, with scikit-learn's own answers to some inputs in `expected.json`.

    python make-mlserver.py FOLDER
"""
import json
import sys
from pathlib import Path

import joblib
import models

root = Path(sys.argv[1])
expected = {}
for name, (model, inputs) in {"digits": models.digits(), "moods": models.moods(), "tags": models.tags()}.items():
    folder = root / name
    folder.mkdir()
    joblib.dump(model, folder / "model.joblib")
    settings = {
        "name": name,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "v1"},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))
    expected[name] = models.answers(model, inputs)
(root / "settings.json").write_text(json.dumps({"debug": False, "parallel_workers": 0}))
(root / "expected.json").write_text(json.dumps(expected))
