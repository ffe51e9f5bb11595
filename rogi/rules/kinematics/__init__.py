"""Rules on kinematics."""
