"""Candidates from imagery. Stages: imagery, patches, model, training, prediction, candidates, evaluation."""
