"""The models that the servers of the tests serve, made anew by scikit-learn each time."""
import numpy as np
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline


def digits():
    """A classifier of 8x8 digits, not too sure of itself, and 40 of its inputs: whole numbers from 0 to 16."""
    data = load_digits()
    pixels = data.data.astype("uint8")
    return LogisticRegression(C=1e-4, max_iter=2000).fit(pixels, data.target), pixels[:40]


def tags():
    """A multi-label classifier of the same digits: is it odd, and is it above four?"""
    data = load_digits()
    pixels = data.data.astype("uint8")
    marks = np.stack([data.target % 2 == 1, data.target > 4], axis=1).astype(int)
    return OneVsRestClassifier(LogisticRegression(C=1e-4, max_iter=2000)).fit(pixels, marks), pixels[:40]


def moods():
    """A classifier of texts, and its inputs."""
    texts = ["great cast", "a great film", "loved it", "boring", "awful film", "a boring awful mess", "a film", "a cast"]
    labels = ["pos", "pos", "pos", "neg", "neg", "neg", "neu", "neu"]
    return make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(texts, labels), texts


def answers(model, inputs):
    """What scikit-learn itself says of the inputs."""
    return {
        "inputs": inputs if isinstance(inputs, list) else inputs.tolist(),
        "classes": [str(name) for name in model.classes_],
        "labels": [str(label) for label in model.predict(inputs)],
        "probabilities": model.predict_proba(inputs).tolist(),
    }
