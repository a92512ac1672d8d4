"""The job API, one module per kind of resource."""
