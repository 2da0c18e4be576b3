"""Metrics in the Prometheus text format: counters, gauges and histograms, without another package.

    collector   MetricsCollector: every metric by name, text and JSON snapshot
    instruments Counter, Gauge, Histogram: a metric, and one series of it
    cells       storage of the numbers: in this process, or shared by several
    shared      files of numbers that all workers of a host write, merged at a scrape
    family      the value of a metric at one moment; merging
    exposition  the Prometheus text
    quantiles   percentiles from buckets
    requests    rate, errors and duration of requests, by route template
    monitor     PerformanceMonitor: the last 1000 measurements of anything
    timing      `@log_performance`
    prometheus  a bridge to prometheus_client

Public names are in `ci_ops.service`.
"""
