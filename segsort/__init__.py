"""SegSort's runtime: data, devices, time and files around `network/`."""
