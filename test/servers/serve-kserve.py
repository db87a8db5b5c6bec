"""Serves digits with KServe's own server, as version 1 and version 2 of its protocol.

    python serve-kserve.py PORT EXPECTED

Writes scikit-learn's own answers to some inputs to the file EXPECTED before it starts.
"""
import json
import sys
from pathlib import Path

import models
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

port, expected = sys.argv[1:]
classifier, inputs = models.digits()


class Digits(Model):
    def __init__(self):
        super().__init__("digits")
        self.ready = True

    def predict(self, payload, headers=None, response_headers=None):
        if not isinstance(payload, InferRequest):
            return {"predictions": classifier.predict_proba(payload["instances"]).tolist()}
        probabilities = classifier.predict_proba(payload.inputs[0].as_numpy())
        output = InferOutput("probabilities", list(probabilities.shape), "FP64")
        output.set_data_from_numpy(probabilities, binary_data=False)
        return InferResponse(payload.id, self.name, [output])


Path(expected).write_text(json.dumps(models.answers(classifier, inputs)))
ModelServer(http_port=int(port), enable_grpc=False).start([Digits()])
