from ci_ops.service.routes.exposition import MAX_CIRCUITS, recovery_metrics


def test_a_thousand_circuits_are_not_a_thousand_series() -> None:
    circuits = {f"circuit {number}": {"state": "closed", "rejected": 0} for number in range(1000)}

    assert recovery_metrics(circuits, {}).count("ci_ops_circuit_open{") == MAX_CIRCUITS
