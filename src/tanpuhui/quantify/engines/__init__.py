"""Engines that run the columns: DuckDB embedded; Spark on a cluster."""
