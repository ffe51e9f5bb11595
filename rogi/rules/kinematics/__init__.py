"""KIN: kinematics and activity - reliability of outlines, velocity against activity."""
