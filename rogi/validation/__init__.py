"""Run rules over an inventory: findings, waivers, baselines and the conformance statement."""
