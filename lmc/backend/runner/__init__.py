"""Runners: what computes a batch on one kind of device. `batch` is the door between engine and runner."""
