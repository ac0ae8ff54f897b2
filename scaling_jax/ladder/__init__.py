"""The ladder: small models trained here, whose runs calibrate the laws."""
