"""Writes a folder of texts again, with labels that contradict each other as a hosted model's do: python noisy_labels.py FROM TO

The new label of a text is its own with probability 0.8. Else it is drawn from what logistic regression on TF-IDF, which
learned from other texts, says of it. So most new labels are near the old ones. Of CLINC150, 5 % change.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_union

SHARE = 0.2
SPLITS = ["train", "validation", "test"]

source, target = map(Path, sys.argv[1:3])
rows = []
for split in SPLITS:
    for line in (source / f"{split}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["label"]:
            rows.append((split, row["text"], row["label"]))

classes = sorted({label for _, _, label in rows})
labels = np.array([classes.index(label) for _, _, label in rows])
read = make_union(TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4)))
features = TruncatedSVD(300, random_state=0).fit_transform(read.fit_transform([text for _, text, _ in rows]))
folds = StratifiedKFold(5, shuffle=True, random_state=0)
model = LogisticRegression(C=3, max_iter=300)
said = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")
drawn = (1 - SHARE) * np.eye(len(classes))[labels] + SHARE * said
random = np.random.default_rng(7)
noisy = [random.choice(len(classes), p=each / each.sum()) for each in drawn]

target.mkdir(parents=True, exist_ok=True)
for wanted in SPLITS:
    with (target / f"{wanted}.jsonl").open("w") as file:
        for (split, text, _), label in zip(rows, noisy):
            if split == wanted:
                file.write(json.dumps({"text": text, "label": classes[label]}) + "\n")
print(f"{np.mean(np.array(noisy) != labels):.1%} of {len(rows)} labels changed")
