"""Checks launch/trainjob.yaml by Kubeflow's own types, unknown keys included: they drop those, so the round trip is compared.

    test/handoff/make-env.sh --launchers
    .venv-handoff/bin/python test/handoff/check-trainjob.py FOLDER/launch/trainjob.yaml
"""

import sys

import yaml
from kubeflow_trainer_api.models import TrainerV1alpha1TrainJob


def differences(given, kept, path=""):
    if type(given) is not type(kept):
        return [f"{path}: {given!r} became {kept!r}"]
    if isinstance(given, dict):
        return [d for key in given for d in differences(given[key], kept.get(key), f"{path}.{key}")]
    if isinstance(given, list):
        pairs = zip(given, kept + [None] * (len(given) - len(kept)))
        return [d for i, (a, b) in enumerate(pairs) for d in differences(a, b, f"{path}[{i}]")]
    return [] if given == kept else [f"{path}: {given!r} became {kept!r}"]


def check(job):
    return differences(job, TrainerV1alpha1TrainJob.from_dict(job).to_dict())


job = yaml.safe_load(open(sys.argv[1]))
wrong = check(job)
if wrong:
    sys.exit("\n".join(wrong))
# The check itself: a key that Kubeflow does not know is noticed.
if not check({**job, "spec": {**job["spec"], "numNode": 2}}):
    sys.exit("an unknown key went unnoticed")
print(f"{sys.argv[1]}: every key is known")
