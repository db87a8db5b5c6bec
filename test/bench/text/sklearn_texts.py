"""TF-IDF of words and characters with logistic regression. Reads a task as JSON from stdin, writes means over seeds."""

import json
import sys
import time

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

task = json.load(sys.stdin)
pool, test = task["pool"], task["test"]
agreements, seconds = [], []
for seed in range(task["seeds"]):
    rows = np.random.default_rng(seed).permutation(len(pool))[: task["answers"]]
    start = time.process_time()
    read = make_union(TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4)))
    features = read.fit_transform([pool[row]["text"] for row in rows])
    model = LogisticRegression(C=10, max_iter=1000).fit(features, [pool[row]["label"] for row in rows])
    seconds.append(time.process_time() - start)
    named = model.predict(read.transform([each["text"] for each in test]))
    agreements.append(float(np.mean(named == [each["label"] for each in test])))
print(json.dumps({"sklearnAgreement": float(np.mean(agreements)), "sklearnCpuSeconds": float(np.mean(seconds))}))
