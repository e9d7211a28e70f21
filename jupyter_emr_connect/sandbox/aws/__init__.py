"""The AWS front: moto, extended by what EMR needs."""
