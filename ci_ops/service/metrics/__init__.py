"""Metrics in the Prometheus text format, without another package.

Counters, gauges and histograms.

    collector   MetricsCollector: every metric by name, text and JSON snapshot
    instruments Counter, Gauge, Histogram: a metric, and one series of it
    cells       where the numbers are: in this process, or shared by several
    shared      files of numbers that all workers of a host write, merged at a scrape
    family      what a metric says at one moment; merging
    exposition  the text, exactly as Prometheus reads it
    quantiles   percentiles from buckets
    requests    rate, errors and duration of requests, by route template
    monitor     PerformanceMonitor: the last 1000 measurements of anything
    timing      `@log_performance`
    prometheus  a bridge to prometheus_client

Public names are in `ci_ops.service`.
"""
